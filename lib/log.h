// SPDX-License-Identifier: Apache-2.0
/*
 * Log lines (proto "log"): every component -> uart. LOG_LINE's payload is one line of text without its end; nothing is answered.
 * The server puts the sender's name before it, as root vouches for it, and replaces what is not printable ASCII.
 */
#pragma once

#define LOG_MAX 240u /* bytes of a line; the rest is cut off */

enum log_type { LOG_LINE = 1 };
