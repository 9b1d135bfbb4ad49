// SPDX-License-Identifier: Apache-2.0
/* tom config, tom vm: what shall run where. */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>
#include "mgmt/proto/msg.h"
#include "mgmt/tom/commands.h"
#include "mgmt/tom/crypto.h"
#include "mgmt/tom/ctl.h"
#include "mgmt/tom/desired.h"
#include "mgmt/tom/progress.h"

#define CMDLINE "console=ttyS0" /* every guest has this; --append adds to it */

enum { BLOCKS_PER_MIB = 256 };

/* Last status the server sent; false if none. */
static bool load_status(struct tom *t, const char *server, struct tmc_status *out)
{
	sqlite3_stmt *q = tom_query(t, "SELECT status FROM server WHERE name = ?", "s", server);
	bool good = false;

	memset(out, 0, sizeof(*out));
	while (tom_row(q))
		good = sqlite3_column_bytes(q, 0) &&
		       schema_decode(&tmc_status_schema, out, sqlite3_column_blob(q, 0),
				     (size_t)sqlite3_column_bytes(q, 0), NULL);
	return good;
}

static const struct tmc_status_item *find_item(const struct tmc_status *s, const char *kind,
					       const char *name)
{
	for (size_t i = 0; i < s->count; i++)
		if (strcmp(s->items[i].kind, kind) == 0 && strcmp(s->items[i].name, name) == 0)
			return &s->items[i];
	return NULL;
}

/* Every VM that shall run, and may there, runs; every other does not. Names the first that is not so. */
static const char *not_reached(struct tom *t, const char *server, uint64_t epoch)
{
	static char text[240];
	struct tmc_status status;
	struct state *s = malloc(sizeof(*s));
	struct server row;
	uint8_t *keep;
	bool reached, may = server_load(t, server, &row) && !server_refuses_vms(&row);

	load_status(t, server, &status);
	reached = s && desired_decode(t, server, s, &keep);
	if (!reached) {
		free(s);
		return "no desired state";
	}
	snprintf(text, sizeof(text), "the server has epoch %" PRIu64 ", not %" PRIu64, status.epoch,
		 epoch);
	reached = status.epoch == epoch;
	for (size_t i = 0; i < s->vm_count && reached; i++) {
		const struct tmc_status_item *item = find_item(&status, "vm", s->vms[i].name);
		bool runs = item && strcmp(item->state, "running") == 0;
		bool there = runs || (item && strcmp(item->state, "stopping") == 0);

		reached = s->vms[i].run && may ? runs : !there;
		snprintf(text, sizeof(text), "VM %s is %s: %s", s->vms[i].name,
			 item ? item->state : "unknown", item ? item->text : "");
	}
	free(keep);
	free(s);
	return reached ? NULL : text;
}

static int wait_reached(struct tom *t, const char *server, uint64_t epoch, int64_t seconds)
{
	const char *why = not_reached(t, server, epoch);
	struct progress progress = { "", 0 };

	for (time_t end = time(NULL) + seconds; why && time(NULL) < end;) {
		progress_show(t, server, &progress);
		usleep(200000);
		why = not_reached(t, server, epoch);
	}
	progress_end(t, &progress);
	return why ? tom_fail(TOM_REFUSED, "server %s: not there after %" PRId64 " s: %s", server,
			      seconds, why)
		   : TOM_OK;
}

static bool wants_vm(struct tom *t, const char *server)
{
	sqlite3_stmt *q = tom_query(t, "SELECT 1 FROM vm WHERE server = ? AND run", "s", server);
	bool found = false;

	while (tom_row(q))
		found = true;
	return found;
}

int config_push(struct tom *t, const char *server, int64_t seconds)
{
	struct server s;
	uint64_t epoch;
	const char *why;
	int result;

	if (!server_load(t, server, &s))
		return tom_fail(TOM_USAGE, "server %s: not registered", server);
	why = desired_make(t, &s, &epoch);
	if (why)
		return tom_fail(TOM_REFUSED, "server %s: %s", server, why);
	if (server_refuses_vms(&s) && wants_vm(t, server))
		fprintf(stderr, "server %s: its VMs do not run: %s\n", server,
			server_refuses_vms(&s));
	if (!ctl_online(t, server) && !seconds) {
		printf("server %s is not connected; epoch %" PRIu64 " goes out when it is\n",
		       server, epoch);
		return TOM_OK;
	}
	result = ctl_request(t, server, "push");
	return result == TOM_OK && seconds ? wait_reached(t, server, epoch, seconds) : result;
}

int cmd_config_push(struct tom *t, struct args *a)
{
	int64_t seconds = arg_number(a, "--wait", 0, 0, 86400);
	const char *server = arg_word(a);

	return arg_name(a, server) ? config_push(t, server, seconds) : TOM_USAGE;
}

static void show_item(struct tom *t, const struct tmc_status_item *item)
{
	if (!t->json) {
		printf("  %-6s %-20s %-10s %s\n", item->kind, item->name, item->state, item->text);
		return;
	}
	json_open('{');
	json_field("kind", item->kind);
	json_field("name", item->name);
	json_field("state", item->state);
	json_field("text", item->text);
	json_close('}');
}

int cmd_config_show(struct tom *t, struct args *a)
{
	const char *server = arg_word(a);
	struct tmc_status status;
	uint64_t epoch;
	size_t n;

	if (!arg_name(a, server))
		return TOM_USAGE;
	free(desired_load(t, server, &n, &epoch));
	load_status(t, server, &status);
	if (t->json) {
		json_open('{');
		json_key("desired");
		json_number((int64_t)epoch);
		json_key("committed");
		json_number((int64_t)status.epoch);
		json_key("items");
		json_open('[');
	} else {
		printf("server %s: desired epoch %" PRIu64 ", committed epoch %" PRIu64 "\n",
		       server, epoch, status.epoch);
	}
	for (size_t i = 0; i < status.count; i++)
		show_item(t, &status.items[i]);
	if (t->json) {
		json_close(']');
		json_close('}');
		json_end();
	}
	return TOM_OK;
}

int cmd_vm_create(struct tom *t, struct args *a)
{
	const char *name = arg_word(a), *server = arg_option(a, "--server"),
		   *tvd = arg_option(a, "--tvd");
	const char *image = arg_option(a, "--image"), *append = arg_option(a, "--append");
	int64_t memory = arg_number(a, "--memory", 128, 16, STATE_MEM_MAX);
	int64_t vcpus = arg_number(a, "--vcpus", 1, 1, STATE_CPUS_MAX);
	int64_t disk = arg_number(a, "--disk", 64, 0, STATE_BLOCKS_MAX / BLOCKS_PER_MIB);
	uint8_t id[16], volume[16];
	char cmdline[STATE_CMDLINE];
	struct server s;
	int n;

	if (!arg_name(a, name))
		return TOM_USAGE;
	if (!server || !tvd || !image)
		return tom_fail(TOM_USAGE, "usage: tom %s", a->usage);
	if (server_load(t, server, &s) && server_refuses_vms(&s))
		return tom_fail(TOM_REFUSED, "server %s: %s", server, server_refuses_vms(&s));
	n = snprintf(cmdline, sizeof(cmdline), CMDLINE "%s%s", append && *append ? " " : "",
		     append ? append : "");
	if (n < 0 || (size_t)n >= sizeof(cmdline))
		return tom_fail(TOM_USAGE, "--append: longer than %u bytes", STATE_CMDLINE - 16);
	tom_random(id, sizeof(id));
	id[0] |= 1;
	tom_random(volume, sizeof(volume));
	if (tom_run(t, "INSERT INTO vm VALUES(?, ?, ?, ?, ?, ?, ?, ?, ?, 0, ?)", "sbsssisbii", name,
		    id, sizeof(id), server, tvd, image, memory, cmdline, volume, sizeof(volume),
		    disk * BLOCKS_PER_MIB, vcpus) < 0)
		return tom_fail(
			TOM_USAGE,
			"VM %s is there already, or server %s, domain %s or image %s is unknown",
			name, server, tvd, image);
	if (!t->json)
		printf("VM %s defined on server %s; start it with: tom vm start %s\n", name, server,
		       name);
	return TOM_OK;
}

static bool vm_server(struct tom *t, const char *name, char server[32])
{
	sqlite3_stmt *q =
		tom_query(t, "SELECT server FROM vm WHERE name = ?", "s", name ? name : "");
	bool found = false;

	while (tom_row(q)) {
		snprintf(server, 32, "%s", tom_text(q, 0));
		found = true;
	}
	return found;
}

static int set_run(struct tom *t, struct args *a, int64_t run)
{
	int64_t seconds = arg_number(a, "--wait", 0, 0, 86400);
	const char *name = arg_word(a);
	char server[32];
	struct server s;

	if (!arg_name(a, name))
		return TOM_USAGE;
	if (!vm_server(t, name, server))
		return tom_fail(TOM_USAGE, "VM %s: not defined", name);
	if (run && server_load(t, server, &s) && server_refuses_vms(&s))
		return tom_fail(TOM_REFUSED, "server %s: %s", server, server_refuses_vms(&s));
	tom_run(t, "UPDATE vm SET run = ? WHERE name = ?", "is", run, name);
	return config_push(t, server, seconds);
}

int cmd_vm_start(struct tom *t, struct args *a)
{
	return set_run(t, a, 1);
}

int cmd_vm_stop(struct tom *t, struct args *a)
{
	return set_run(t, a, 0);
}

static void show_vm(struct tom *t, sqlite3_stmt *q)
{
	struct tmc_status status;
	const struct tmc_status_item *item;
	const char *wanted = sqlite3_column_int64(q, 4) ? "run" : "stop";

	load_status(t, tom_text(q, 1), &status);
	item = find_item(&status, "vm", tom_text(q, 0));
	if (!t->json) {
		printf("%-16s %-12s %-12s %6s MiB  wanted: %-4s  is: %s %s\n", tom_text(q, 0),
		       tom_text(q, 1), tom_text(q, 2), tom_text(q, 3), wanted,
		       item ? item->state : "unknown", item ? item->text : "");
		return;
	}
	json_open('{');
	json_field("name", tom_text(q, 0));
	json_field("server", tom_text(q, 1));
	json_field("tvd", tom_text(q, 2));
	json_field("wanted", wanted);
	json_field("state", item ? item->state : "unknown");
	json_field("text", item ? item->text : "");
	json_close('}');
}

int cmd_vm_list(struct tom *t, struct args *a)
{
	sqlite3_stmt *q;

	if (!arg_end(a))
		return TOM_USAGE;
	q = tom_query(t, "SELECT name, server, tvd, mem_mib, run FROM vm ORDER BY name", "");
	if (t->json)
		json_open('[');
	while (tom_row(q))
		show_vm(t, q);
	if (t->json) {
		json_close(']');
		json_end();
	}
	return TOM_OK;
}
