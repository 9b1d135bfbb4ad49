// SPDX-License-Identifier: Apache-2.0
/* tom server: registering, arming, showing. */
#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <time.h>
#include <unistd.h>
#include "mgmt/tom/commands.h"
#include "mgmt/tom/crypto.h"
#include "mgmt/tom/ctl.h"
#include "mgmt/tom/decision.h"
#include "mgmt/tom/identity.h"
#include "mgmt/tom/server.h"

static bool release_known(struct tom *t, const char *name)
{
	sqlite3_stmt *q = tom_query(t, "SELECT 1 FROM release WHERE name = ?", "s", name);
	bool found = false;

	while (tom_row(q))
		found = true;
	return found;
}

static void configured_address(struct tom *t, char *out, size_t cap)
{
	sqlite3_stmt *q = tom_query(t, "SELECT value FROM meta WHERE key = 'listen'", "");

	out[0] = 0;
	while (tom_row(q))
		snprintf(out, cap, "%s", tom_text(q, 0));
}

static size_t make_record(struct tom *t, const char *name, const char *address, struct binding *b,
			  uint8_t *out)
{
	if (!parse_address(address, b->ip, &b->port) || !identity_record(t, b))
		return 0;
	snprintf(b->server_name, sizeof(b->server_name), "%s", name);
	tom_random(b->server_id, sizeof(b->server_id));
	tom_random(b->token, sizeof(b->token));
	return schema_encode(&binding_schema, b, out, BINDING_MAX);
}

static int store_server(struct tom *t, const char *name, const char *release, const char *address,
			const char *file)
{
	uint8_t record[BINDING_MAX];
	struct binding b = { 0 };
	size_t n = make_record(t, name, address, &b, record);
	char path[512];

	if (!n)
		return tom_fail(
			TOM_USAGE,
			"%s: not an address that a server can dial; give --listen-address IP:PORT",
			address);
	if (b.ip[0] == 0)
		return tom_fail(TOM_USAGE,
				"%s: a server cannot dial that; give --listen-address IP:PORT",
				address);
	if (file)
		snprintf(path, sizeof(path), "%s", file);
	else
		tom_path(t, path, sizeof(path), "servers/%s.binding", name);
	if (tom_run(t,
		    "INSERT INTO server(name, id, release, address, token, record) VALUES(?, ?, ?, "
		    "?, ?, ?)",
		    "sbssbb", name, b.server_id, (size_t)16, release, address, b.token, (size_t)32,
		    record, n) < 0)
		return tom_fail(TOM_USAGE, "server %s is there already", name);
	if (!tom_write_file(path, record, n))
		return tom_fail(TOM_BROKEN, "%s: cannot be written", path);
	if (!t->json)
		printf("server %s registered; put %s on its ESP as \\redoubt\\binding, then: tom "
		       "server bind %s\n",
		       name, path, name);
	return TOM_OK;
}

int cmd_server_add(struct tom *t, struct args *a)
{
	const char *name = arg_word(a), *release = arg_option(a, "--release");
	const char *address = arg_option(a, "--listen-address"), *file = arg_option(a, "--out"),
		   *ek_ca;
	char configured[64];
	int result = TOM_OK;

	while (name && result == TOM_OK && (ek_ca = arg_option(a, "--ek-ca")))
		result = trust_ek_ca(t, name, ek_ca);
	if (result != TOM_OK || !arg_name(a, name))
		return result != TOM_OK ? result : TOM_USAGE;
	if (!release || !release_known(t, release))
		return tom_fail(
			TOM_USAGE,
			"--release %s: not an approved release; `tom release list` shows them",
			release ? release : "(missing)");
	configured_address(t, configured, sizeof(configured));
	return store_server(t, name, release, address ? address : configured, file);
}

static void age(int64_t then, char *out, size_t cap)
{
	if (then == 0)
		snprintf(out, cap, "never");
	else
		snprintf(out, cap, "%" PRId64 " s ago", (int64_t)time(NULL) - then);
}

int cmd_server_list(struct tom *t, struct args *a)
{
	sqlite3_stmt *q;
	char seen[32];

	if (!arg_end(a))
		return TOM_USAGE;
	q = tom_query(t, "SELECT name, state, release, seen, verdict FROM server ORDER BY name",
		      "");
	if (t->json)
		json_open('[');
	while (tom_row(q)) {
		bool online = ctl_online(t, tom_text(q, 0));

		age(sqlite3_column_int64(q, 3), seen, sizeof(seen));
		if (t->json) {
			json_open('{');
			json_field("name", tom_text(q, 0));
			json_field("state", tom_text(q, 1));
			json_field("release", tom_text(q, 2));
			json_key("online");
			json_bool(online);
			json_key("seen");
			json_number(sqlite3_column_int64(q, 3));
			json_field("verdict", tom_text(q, 4));
			json_close('}');
		} else {
			printf("%-16s %-8s %-8s %-14s seen %-12s %s\n", tom_text(q, 0),
			       tom_text(q, 1), online ? "online" : "offline", tom_text(q, 2), seen,
			       tom_text(q, 4));
		}
	}
	if (t->json) {
		json_close(']');
		json_end();
	}
	return TOM_OK;
}

static void show_blob(struct tom *t, const char *what, const void *p, size_t n)
{
	char hex[65];

	tom_hex(p, n < 32 ? n : 32, hex);
	if (t->json)
		json_field(what, hex);
	else
		printf("  %-10s %s\n", what, n ? hex : "(not enrolled)");
}

/* As its last good evidence says, and what the operator decided about it. */
static void show_iommu(struct tom *t, const struct server *s)
{
	const char *what = s->iommu < 0 ? "not proven yet" : tmc_iommu_name((uint64_t)s->iommu);
	char when[32] = "";
	time_t then = (time_t)s->allow_no_iommu;

	if (then)
		strftime(when, sizeof(when), "%F %TZ", gmtime(&then));
	if (t->json) {
		json_field("iommu", what);
		json_field("allow_no_iommu", when);
		return;
	}
	printf("  %-10s %s\n", "iommu", what);
	if (then)
		printf("  %-10s VMs allowed without one since %s\n", "", when);
}

static void show_decisions(struct tom *t, const char *server)
{
	char text[DECISION_TEXT];
	int64_t id = 0;

	if (t->json) {
		json_key("decisions");
		json_open('[');
	}
	while (decision_next(t, server, &id, text)) {
		if (t->json)
			json_string(text);
		else
			printf("  %-10s %s\n", "decided", text);
	}
	if (t->json)
		json_close(']');
}

int cmd_server_show(struct tom *t, struct args *a)
{
	const char *name = arg_word(a);
	uint8_t digest[32], name_ak[32], pcr12[32];
	struct server s;

	if (!arg_name(a, name))
		return TOM_USAGE;
	if (!server_load(t, name, &s))
		return tom_fail(TOM_USAGE, "server %s: not registered", name);
	tom_sha256(s.record, s.record_size, digest);
	tom_sha256(s.ak, s.ak_size, name_ak);
	if (t->json) {
		json_open('{');
		json_field("name", s.name);
		json_field("state", server_state_name(s.state));
		json_field("release", s.release);
		json_key("online");
		json_bool(ctl_online(t, name));
	} else {
		printf("server %s: %s, release %s, %s\n", s.name, server_state_name(s.state),
		       s.release, ctl_online(t, name) ? "online" : "offline");
	}
	show_iommu(t, &s);
	show_decisions(t, s.name);
	show_blob(t, "id", s.id, sizeof(s.id));
	show_blob(t, "record", digest, sizeof(digest));
	show_blob(t, "ak", name_ak, s.ak_size ? sizeof(name_ak) : 0);
	server_pcr12(&s, pcr12);
	show_blob(t, "pcr12", pcr12, sizeof(pcr12));
	show_blob(t, "pcr7", s.pcr7, s.have_pcr7 ? sizeof(s.pcr7) : 0);
	if (t->json) {
		json_close('}');
		json_end();
	}
	return TOM_OK;
}

/* Bound and connected, within `seconds`. */
static int wait_bound(struct tom *t, const char *name, int64_t seconds)
{
	struct server s;

	for (int64_t i = 0; i <= 5 * seconds; i++) {
		if (server_load(t, name, &s) && s.state == SERVER_BOUND && ctl_online(t, name)) {
			if (!t->json)
				printf("server %s is bound; PCR 7 as found is now part of its "
				       "policy\n",
				       name);
			return TOM_OK;
		}
		usleep(200000);
	}
	return tom_fail(TOM_REFUSED,
			"server %s did not bind within %" PRId64 " s; `tom server list` shows why",
			name, seconds);
}

int cmd_server_bind(struct tom *t, struct args *a)
{
	int64_t seconds = arg_number(a, "--wait", 0, 0, 86400);
	const char *name = arg_word(a);
	struct server s;

	if (!arg_name(a, name))
		return TOM_USAGE;
	if (!server_load(t, name, &s))
		return tom_fail(TOM_USAGE, "server %s: not registered", name);
	if (s.state == SERVER_BOUND)
		return tom_fail(
			TOM_REFUSED,
			"server %s is bound already; to replace it, add it under a new name", name);
	server_set_state(t, &s, SERVER_ARMED);
	if (!t->json)
		printf("server %s may bind itself when it connects next\n", name);
	return seconds ? wait_bound(t, name, seconds) : TOM_OK;
}

int cmd_server_update(struct tom *t, struct args *a)
{
	const char *name = arg_word(a), *release = arg_option(a, "--release");
	struct server s;
	int result;

	if (!arg_name(a, name))
		return TOM_USAGE;
	if (!server_load(t, name, &s))
		return tom_fail(TOM_USAGE, "server %s: not known", name);
	if (!release || !release_known(t, release))
		return tom_fail(
			TOM_USAGE,
			"--release: not an approved release; `tom release list` shows them");
	if (s.state != SERVER_BOUND) {
		tom_run(t, "UPDATE server SET release = ? WHERE name = ?", "ss", release, name);
		return TOM_OK;
	}
	tom_run(t, "UPDATE server SET next_release = ? WHERE name = ?", "ss", release, name);
	result = ctl_request(t, name, "approve %s", release);
	return result == TOM_OK ? config_push(t, name, 0) : result;
}

int cmd_server_allow_no_iommu(struct tom *t, struct args *a)
{
	bool withdraw = arg_flag(a, "--withdraw");
	const char *name = arg_word(a);
	struct server s;

	if (!arg_name(a, name))
		return TOM_USAGE;
	if (!server_load(t, name, &s))
		return tom_fail(TOM_USAGE, "server %s: not registered", name);
	if ((s.allow_no_iommu != 0) == withdraw) {
		tom_run(t, "BEGIN IMMEDIATE", "");
		tom_run(t, "UPDATE server SET allow_no_iommu = ? WHERE name = ?", "is",
			withdraw ? 0 : (int64_t)time(NULL), name);
		decision_note(t, name,
			      withdraw ? "VMs may no longer run without an IOMMU"
				       : "VMs may run without an IOMMU");
		tom_run(t, "COMMIT", "");
	}
	if (!t->json)
		printf(withdraw
			       ? "VMs may no longer run on server %s without an IOMMU. Those that "
				 "run are stopped by its next configuration: tom config push %s\n"
			       : "VMs may run on server %s even without an IOMMU: who takes over a "
				 "driver there reaches all their memory. The server is told with "
				 "its next configuration: tom config push %s\n",
		       name, name);
	return TOM_OK;
}
