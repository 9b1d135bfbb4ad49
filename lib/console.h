// SPDX-License-Identifier: Apache-2.0
/*
 * Console channel (proto "console"): the serial port of a guest. The vmm is the client, `vault` (or `uart`
 * in a laboratory image) the server. CONSOLE_OUT and CONSOLE_IN carry 1..CONSOLE_MAX payload bytes, raw; nothing is answered.
 *
 *   CONSOLE_OUT   vmm -> server   what the guest wrote
 *   CONSOLE_IN    server -> vmm   what the person typed (never sent by `uart`)
 *   CONSOLE_BUTTON server -> vmm  the power button: the guest is to shut down by itself (no payload)
 *
 * A full ring holds back the sender: the guest's transmitter stays busy, the server keeps its bytes.
 */
#pragma once

#define CONSOLE_MAX 1024u /* bytes per message */

enum console_type { CONSOLE_OUT = 1, CONSOLE_IN = 2, CONSOLE_BUTTON = 3 };
