// SPDX-License-Identifier: Apache-2.0
/* tom: the TrustedObjects Manager's command line and daemon. */
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "mgmt/tom/commands.h"

struct command {
	const char *group;
	const char *name; /* NULL: the group alone is the command */
	const char *usage;
	const char *what;
	int (*run)(struct tom *t, struct args *a);
};

static const struct command commands[] = {
	{ "init", NULL, "init [--listen IP:PORT] [--ek-ca FILE]", "make the keys and the database",
	  cmd_init },
	{ "daemon", NULL, "daemon [--listen IP:PORT]", "serve the servers (also started as tomd)",
	  cmd_daemon },
	{ "release", "add", "release add REFERENCE.json [--name NAME]",
	  "approve a release by its reference values", cmd_release_add },
	{ "release", "list", "release list", "show the approved releases", cmd_release_list },
	{ "server", "add",
	  "server add NAME --release NAME [--listen-address IP:PORT] [--ek-ca FILE] [--out FILE]",
	  "write the binding record for a new server", cmd_server_add },
	{ "server", "list", "server list", "show the servers and their state", cmd_server_list },
	{ "server", "show", "server show NAME", "show one server in full", cmd_server_show },
	{ "server", "bind", "server bind NAME [--wait SECONDS]",
	  "let a server bind itself when it connects next", cmd_server_bind },
	{ "server", "update", "server update NAME --release NAME",
	  "approve another release for a server", cmd_server_update },
	{ "server", "allow-no-iommu", "server allow-no-iommu NAME [--withdraw]",
	  "let VMs run there though nothing confines its devices, or no longer",
	  cmd_server_allow_no_iommu },
	{ "tvd", "create", "tvd create NAME", "make a trusted virtual domain and its key",
	  cmd_tvd_create },
	{ "tvd", "list", "tvd list", "show the domains", cmd_tvd_list },
	{ "image", "add", "image add NAME KERNEL INITRD", "register a guest's kernel and initramfs",
	  cmd_image_add },
	{ "image", "list", "image list", "show the images", cmd_image_list },
	{ "vm", "create",
	  "vm create NAME --server S --tvd T --image I [--memory MIB] [--vcpus N] [--disk MIB] "
	  "[--append TEXT]",
	  "define a virtual machine", cmd_vm_create },
	{ "vm", "start", "vm start NAME [--wait SECONDS]", "let it run", cmd_vm_start },
	{ "vm", "stop", "vm stop NAME [--wait SECONDS]", "stop it", cmd_vm_stop },
	{ "vm", "list", "vm list", "show the virtual machines and their state", cmd_vm_list },
	{ "vm", "console", "vm console NAME", "its serial console; Ctrl-] ends", cmd_vm_console },
	{ "config", "push", "config push SERVER [--wait SECONDS]",
	  "sign the desired state of a server and send it", cmd_config_push },
	{ "config", "show", "config show SERVER",
	  "show the desired state and what the server made of it", cmd_config_show },
	{ "evidence", "show", "evidence show SERVER [--id N] [--export DIRECTORY]",
	  "show stored evidence, or write it for tpm2_checkquote", cmd_evidence_show },
	{ "evidence", "verify", "evidence verify SERVER [--id N]", "judge stored evidence again",
	  cmd_evidence_verify },
};

enum { COMMANDS = sizeof(commands) / sizeof(commands[0]) };

static void help(const char *group)
{
	puts("usage: tom [--json] COMMAND ...\n");
	for (int i = 0; i < COMMANDS; i++)
		if (!group || strcmp(group, commands[i].group) == 0)
			printf("  tom %s\n      %s\n", commands[i].usage, commands[i].what);
	puts("\nTOM_HOME names the directory of keys and database (default ~/.redoubt). Exit "
	     "codes: 0 done,\n"
	     "1 refused (a check failed), 2 wrong usage, 3 files, database or network. See "
	     "tom(1).");
}

static bool is(const struct command *c, int argc, char **argv)
{
	return strcmp(argv[0], c->group) == 0 &&
	       (!c->name || (argc > 1 && strcmp(argv[1], c->name) == 0));
}

static bool is_group(const char *word)
{
	for (int i = 0; i < COMMANDS; i++)
		if (strcmp(word, commands[i].group) == 0)
			return true;
	return false;
}

static int run(struct tom *t, const struct command *c, int argc, char **argv)
{
	struct args a = { .usage = c->usage };
	int skip = c->name ? 2 : 1;

	for (int i = skip; i < argc; i++) {
		if (strcmp(argv[i], "--help") == 0) {
			printf("usage: tom %s\n       %s\n", c->usage, c->what);
			return TOM_OK;
		}
		if (strcmp(argv[i], "--json") == 0)
			t->json = true;
		else if (a.count == ARGS_MAX)
			return tom_fail(TOM_USAGE, "too many arguments");
		else
			a.word[a.count++] = argv[i];
	}
	if (c->run != cmd_init && !tom_db_open(t))
		return TOM_BROKEN;
	return c->run(t, &a);
}

static bool find_home(struct tom *t)
{
	const char *home = getenv("TOM_HOME"), *user = getenv("HOME");
	int n;

	if (home)
		n = snprintf(t->home, sizeof(t->home), "%s", home);
	else
		n = snprintf(t->home, sizeof(t->home), "%s/.redoubt", user ? user : "/root");
	return n > 0 && (size_t)n < sizeof(t->home);
}

int main(int argc, char **argv)
{
	static char daemon_word[] = "daemon";
	struct tom t = { .db = NULL };
	const char *self = strrchr(argv[0], '/');

	signal(SIGPIPE, SIG_IGN);
	if (!find_home(&t))
		return tom_fail(TOM_USAGE, "TOM_HOME is too long");
	if (strcmp(self ? self + 1 : argv[0], "tomd") == 0) {
		argv[0] = daemon_word;
	} else {
		argc--, argv++;
		while (argc && strcmp(argv[0], "--json") == 0)
			t.json = true, argc--, argv++;
	}
	if (!argc || strcmp(argv[0], "--help") == 0 || strcmp(argv[0], "help") == 0) {
		help(argc > 1 ? argv[1] : NULL);
		return argc ? TOM_OK : TOM_USAGE;
	}
	for (int i = 0; i < COMMANDS; i++)
		if (is(&commands[i], argc, argv))
			return run(&t, &commands[i], argc, argv);
	if (argc > 1 && is_group(argv[0]) && strcmp(argv[1], "--help") == 0) {
		help(argv[0]);
		return TOM_OK;
	}
	return tom_fail(TOM_USAGE, "unknown command \"%s\"; `tom --help` lists them", argv[0]);
}
