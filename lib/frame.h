// SPDX-License-Identifier: Apache-2.0
/*
 * Frame port (proto "frame"): whole Ethernet frames between a network driver and `uplink`, or between a vmm and who carries its frames (in the
 * laboratory the driver, later its TVD's switch): that server's struct frame_link gives the guest's card its address.
 * Both sides send FRAME messages whose payload is one frame (14..1514 bytes, no FCS); nothing is answered; a full ring drops.
 * The server (driver) sends FRAME_LINK with struct frame_link once at start and at every change.
 */
#pragma once
#include <stdint.h>

#define FRAME_MAX 1514u

enum frame_type { FRAME = 1, FRAME_LINK = 2 };

struct frame_link {
	uint8_t mac[6];
	uint8_t up;
	uint8_t pad;
	uint32_t mtu;
};
