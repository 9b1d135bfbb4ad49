// SPDX-License-Identifier: Apache-2.0
/*
 * Local control: each attested session of the daemon listens on TOM_HOME/run/SERVER.sock. A client sends one line and gets
 * one line back: "ok TEXT" or "no TEXT"; after "ok" to `console VM` the socket carries the console's raw bytes.
 *
 *   push            send the stored desired state now, answer when the server has accepted or refused it
 *   approve NAME    approve another release for the disk and the TVD keys
 *   console VM      serial console
 *   progress        "image N of M: P %, X of Y MiB" while images are on their way, "-" when none is
 *   end             close the session (a newer one takes its place)
 */
#pragma once
#include <stdbool.h>
#include "mgmt/tom/tom.h"

#define CTL_LINE 256

/* Connected socket, or -1 if that server has no session. */
int ctl_connect(struct tom *t, const char *server);
bool ctl_online(struct tom *t, const char *server);
/* Listening socket in place of any older one; -1 on failure. */
int ctl_listen(struct tom *t, const char *server);
/* Sends a line; the answer without "ok "/"no " goes to `answer` (CTL_LINE bytes). 1 ok, 0 no, -1 no session. */
int ctl_ask(int fd, char *answer, const char *fmt, ...) __attribute__((format(printf, 3, 4)));
/* Asks, prints the answer, returns the exit code. */
int ctl_request(struct tom *t, const char *server, const char *fmt, ...)
	__attribute__((format(printf, 3, 4)));
