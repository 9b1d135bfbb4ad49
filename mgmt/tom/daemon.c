// SPDX-License-Identifier: Apache-2.0
/* tomd: listens for servers; each connection gets a process of its own. */
#include <arpa/inet.h>
#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include "mgmt/tom/commands.h"
#include "mgmt/tom/identity.h"
#include "mgmt/tom/session.h"

enum { MAX_SESSIONS = 256, BACKLOG = 64 };

static volatile sig_atomic_t stopped;

static void stop(int signal_number)
{
	(void)signal_number;
	stopped = 1;
}

/* The certificate only carries a key; who holds it is proven by the evidence that binds to it. */
static int any_certificate(int good, X509_STORE_CTX *c)
{
	(void)good;
	(void)c;
	return 1;
}

static SSL_CTX *tls_context(const struct tom *t)
{
	SSL_CTX *c = SSL_CTX_new(TLS_server_method());
	char path[512];

	if (!c)
		return NULL;
	SSL_CTX_set_min_proto_version(c, TLS1_3_VERSION);
	SSL_CTX_set_max_proto_version(c, TLS1_3_VERSION);
	SSL_CTX_set_options(c, SSL_OP_NO_TICKET);
	SSL_CTX_set_num_tickets(c, 0); /* resumption would skip attestation */
	SSL_CTX_set_session_cache_mode(c, SSL_SESS_CACHE_OFF);
	SSL_CTX_set1_groups_list(c, "P-256");
	SSL_CTX_set_verify(c, SSL_VERIFY_PEER | SSL_VERIFY_FAIL_IF_NO_PEER_CERT, any_certificate);
	tom_path(t, path, sizeof(path), "keys/tls.crt");
	if (SSL_CTX_use_certificate_file(c, path, SSL_FILETYPE_PEM) == 1) {
		tom_path(t, path, sizeof(path), "keys/tls.key");
		if (SSL_CTX_use_PrivateKey_file(c, path, SSL_FILETYPE_PEM) == 1)
			return c;
	}
	SSL_CTX_free(c);
	return NULL;
}

static int listen_at(const char *address)
{
	struct sockaddr_in a = { .sin_family = AF_INET };
	uint8_t ip[4];
	uint64_t port;
	int fd, on = 1;

	if (!parse_address(address, ip, &port))
		return -1;
	memcpy(&a.sin_addr, ip, sizeof(ip));
	a.sin_port = htons((uint16_t)port);
	fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
	if (fd < 0)
		return -1;
	setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof(on));
	if (bind(fd, (struct sockaddr *)&a, sizeof(a)) == 0 && listen(fd, BACKLOG) == 0)
		return fd;
	close(fd);
	return -1;
}

/* A server that lost its power says no goodbye: it counts as gone after a minute. */
static void tune(int fd)
{
	struct timeval patience = { .tv_sec = 60 };
	int on = 1, idle = 30, interval = 10, probes = 3;

	setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof(on));
	setsockopt(fd, SOL_SOCKET, SO_KEEPALIVE, &on, sizeof(on));
	setsockopt(fd, IPPROTO_TCP, TCP_KEEPIDLE, &idle, sizeof(idle));
	setsockopt(fd, IPPROTO_TCP, TCP_KEEPINTVL, &interval, sizeof(interval));
	setsockopt(fd, IPPROTO_TCP, TCP_KEEPCNT, &probes, sizeof(probes));
	setsockopt(fd, SOL_SOCKET, SO_SNDTIMEO, &patience, sizeof(patience));
	setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof(patience));
}

/* In the session's process: own database connection, ends with the daemon. */
static _Noreturn void session_process(struct tom *t, SSL_CTX *tls, int fd)
{
	prctl(PR_SET_PDEATHSIG, SIGTERM);
	signal(SIGTERM, SIG_DFL);
	signal(SIGINT, SIG_DFL);
	tune(fd);
	t->db = NULL; /* an SQLite connection does not survive fork */
	if (tom_db_open(t))
		session_run(t, tls, fd);
	exit(0);
}

static int reap(void)
{
	int ended = 0;

	while (waitpid(-1, NULL, WNOHANG) > 0)
		ended++;
	return ended;
}

static void serve(struct tom *t, SSL_CTX *tls, int listener)
{
	int sessions = 0;

	while (!stopped) {
		int fd = accept4(listener, NULL, NULL, SOCK_CLOEXEC);

		sessions -= reap();
		if (fd < 0)
			continue;
		if (sessions < MAX_SESSIONS) {
			pid_t pid = fork();

			if (pid == 0) {
				close(listener);
				session_process(t, tls, fd);
			}
			sessions += pid > 0;
		}
		close(fd);
	}
}

static void on_signals(void)
{
	struct sigaction a = { .sa_handler = stop };

	sigaction(SIGTERM, &a, NULL);
	sigaction(SIGINT, &a, NULL);
}

int cmd_daemon(struct tom *t, struct args *a)
{
	const char *listen_option = arg_option(a, "--listen");
	sqlite3_stmt *q;
	char address[64] = "";
	SSL_CTX *tls;
	int listener;

	if (!arg_end(a))
		return TOM_USAGE;
	q = tom_query(t, "SELECT value FROM meta WHERE key = 'listen'", "");
	while (tom_row(q))
		snprintf(address, sizeof(address), "%s", tom_text(q, 0));
	if (listen_option)
		snprintf(address, sizeof(address), "%s", listen_option);
	tls = tls_context(t);
	if (!tls)
		return tom_fail(TOM_BROKEN, "%s/keys: no usable TLS key; run `tom init` first",
				t->home);
	listener = listen_at(address);
	if (listener < 0)
		return tom_fail(TOM_BROKEN, "%s: cannot listen there: %s", address,
				strerror(errno));
	sqlite3_close(t->db);
	t->db = NULL;
	on_signals();
	fprintf(stderr, "tomd: listening on %s\n", address);
	serve(t, tls, listener);
	SSL_CTX_free(tls);
	return TOM_OK;
}
