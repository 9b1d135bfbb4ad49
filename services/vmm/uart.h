// SPDX-License-Identifier: Apache-2.0
/*
 * 16550A at COM1. State: registers, receive queue, and a transmit buffer that the owner drains into the console.
 * Baud rate has no effect: bytes leave at once; while the transmit buffer is full THRE stays clear.
 * Missing: modem status changes, line errors, receive time-out apart from "data there". Source: PC16550D data sheet.
 */
#pragma once
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include "services/vmm/state.h"

#define UART_PORT 0x3f8u
#define UART_IRQ  4u
#define UART_RX   4096u /* power of two */
#define UART_TX   2048u

struct uart {
	uint8_t ier, fcr, lcr, mcr, scr, dll, dlm;
	bool thr_event;            /* transmitter became empty since it was last told */
	uint16_t rx_head, rx_tail; /* free-running */
	uint16_t tx_len;
	uint8_t rx[UART_RX];
	uint8_t tx[UART_TX]; /* what the guest wrote, oldest first */
};

void uart_init(struct uart *u);
uint8_t uart_read(struct uart *u, unsigned reg);
void uart_write(struct uart *u, unsigned reg, uint8_t value);
/* The interrupt line. */
bool uart_irq(const struct uart *u);
/* Free places in the receive queue; uart_input() takes at most that many. */
size_t uart_room(const struct uart *u);
void uart_input(struct uart *u, const uint8_t *data, size_t n);
/* The first n bytes of tx[] have gone out. */
void uart_sent(struct uart *u, size_t n);
void uart_state(struct state *s, struct uart *u);
