// SPDX-License-Identifier: Apache-2.0
#include "mgmt/tom/decision.h"
#include <pwd.h>
#include <stdio.h>
#include <time.h>
#include <unistd.h>

void decision_note(struct tom *t, const char *server, const char *text)
{
	const struct passwd *user = getpwuid(getuid());
	char number[24];

	snprintf(number, sizeof(number), "user %u", (unsigned)getuid());
	tom_run(t, "INSERT INTO decision(time, who, server, text) VALUES(?, ?, ?, ?)", "isss",
		(int64_t)time(NULL), user ? user->pw_name : number, server, text);
}

/* Takes the row of q, which has at most one. */
static bool take(sqlite3_stmt *q, int64_t *id, char text[DECISION_TEXT])
{
	bool found = false;

	while (tom_row(q)) {
		time_t then = (time_t)sqlite3_column_int64(q, 1);
		char when[32];

		strftime(when, sizeof(when), "%F %H:%MZ", gmtime(&then));
		snprintf(text, DECISION_TEXT, "%s %.32s: %.90s", when, tom_text(q, 2),
			 tom_text(q, 3));
		*id = sqlite3_column_int64(q, 0);
		found = true;
	}
	return found;
}

bool decision_next(struct tom *t, const char *server, int64_t *id, char text[DECISION_TEXT])
{
	return take(tom_query(t,
			      "SELECT id, time, who, text FROM decision WHERE server = ? AND "
			      "id > ? ORDER BY id LIMIT 1",
			      "si", server, *id),
		    id, text);
}

bool decision_unlogged(struct tom *t, const char *server, char text[DECISION_TEXT])
{
	int64_t id;

	if (!take(tom_query(t,
			    "SELECT id, time, who, text FROM decision WHERE server = ? AND NOT "
			    "logged ORDER BY id LIMIT 1",
			    "s", server),
		  &id, text))
		return false;
	tom_run(t, "UPDATE decision SET logged = 1 WHERE id = ?", "i", id);
	return true;
}
