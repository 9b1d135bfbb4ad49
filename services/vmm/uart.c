// SPDX-License-Identifier: Apache-2.0
#include "services/vmm/uart.h"
#include <string.h>

enum {
	IER_RX = 1,
	IER_THR = 2,
	IER_ALL = 0xf,
	IIR_NONE = 1,
	IIR_THR = 2,
	IIR_RX = 4,
	FCR_ENABLE = 1,
	FCR_CLEAR_RX = 2,
	LCR_DLAB = 0x80,
	MCR_OUT2 = 8,
	MCR_LOOP = 0x10,
	LSR_DR = 1,
	LSR_THRE = 0x20,
	LSR_TEMT = 0x40,
	MSR_CTS_DSR_DCD = 0xb0,
};

void uart_init(struct uart *u)
{
	*u = (struct uart){ .dll = 1, .thr_event = true };
}

static size_t rx_count(const struct uart *u)
{
	return (uint16_t)(u->rx_head - u->rx_tail);
}

size_t uart_room(const struct uart *u)
{
	return UART_RX - rx_count(u);
}

void uart_input(struct uart *u, const uint8_t *data, size_t n)
{
	for (size_t i = 0; i < n && uart_room(u) != 0; i++)
		u->rx[u->rx_head++ % UART_RX] = data[i];
}

static uint8_t take_rx(struct uart *u)
{
	return rx_count(u) != 0 ? u->rx[u->rx_tail++ % UART_RX] : 0;
}

static bool can_send(const struct uart *u)
{
	return u->tx_len < UART_TX;
}

static uint8_t pending(const struct uart *u)
{
	if ((u->ier & IER_RX) && rx_count(u) != 0)
		return IIR_RX;
	if ((u->ier & IER_THR) && u->thr_event && can_send(u))
		return IIR_THR;
	return IIR_NONE;
}

bool uart_irq(const struct uart *u)
{
	return (u->mcr & MCR_OUT2) && !(u->mcr & MCR_LOOP) && pending(u) != IIR_NONE;
}

static uint8_t read_iir(struct uart *u)
{
	uint8_t iir = pending(u);

	if (iir == IIR_THR)
		u->thr_event = false;
	return (uint8_t)(iir | ((u->fcr & FCR_ENABLE) ? 0xc0 : 0));
}

static uint8_t read_lsr(const struct uart *u)
{
	return (uint8_t)((rx_count(u) != 0 ? LSR_DR : 0) | (can_send(u) ? LSR_THRE | LSR_TEMT : 0));
}

/* In loop-back mode the modem inputs show the modem outputs. */
static uint8_t read_msr(const struct uart *u)
{
	if (!(u->mcr & MCR_LOOP))
		return MSR_CTS_DSR_DCD;
	return (uint8_t)(((u->mcr & 0x0c) << 4) | ((u->mcr & 2) << 3) | ((u->mcr & 1) << 5));
}

uint8_t uart_read(struct uart *u, unsigned reg)
{
	bool dlab = u->lcr & LCR_DLAB;

	switch (reg) {
	case 0:
		return dlab ? u->dll : take_rx(u);
	case 1:
		return dlab ? u->dlm : u->ier;
	case 2:
		return read_iir(u);
	case 3:
		return u->lcr;
	case 4:
		return u->mcr;
	case 5:
		return read_lsr(u);
	case 6:
		return read_msr(u);
	default:
		return u->scr;
	}
}

static void transmit(struct uart *u, uint8_t value)
{
	if (u->mcr & MCR_LOOP)
		uart_input(u, &value, 1);
	else if (can_send(u))
		u->tx[u->tx_len++] = value;
	u->thr_event = true;
}

static void write_ier(struct uart *u, uint8_t value)
{
	if ((value & IER_THR) && !(u->ier & IER_THR))
		u->thr_event = true;
	u->ier = value & IER_ALL;
}

static void write_fcr(struct uart *u, uint8_t value)
{
	if (value & FCR_CLEAR_RX)
		u->rx_tail = u->rx_head;
	u->fcr = value;
}

void uart_write(struct uart *u, unsigned reg, uint8_t value)
{
	bool dlab = u->lcr & LCR_DLAB;

	switch (reg) {
	case 0:
		if (dlab)
			u->dll = value;
		else
			transmit(u, value);
		break;
	case 1:
		if (dlab)
			u->dlm = value;
		else
			write_ier(u, value);
		break;
	case 2:
		write_fcr(u, value);
		break;
	case 3:
		u->lcr = value;
		break;
	case 4:
		u->mcr = value & 0x1f;
		break;
	case 7:
		u->scr = value;
		break;
	default: /* status registers */
		break;
	}
}

void uart_sent(struct uart *u, size_t n)
{
	bool was_full = !can_send(u);

	if (n > u->tx_len)
		n = u->tx_len;
	memmove(u->tx, u->tx + n, u->tx_len - n);
	u->tx_len = (uint16_t)(u->tx_len - n);
	if (was_full && n != 0)
		u->thr_event = true;
}

void uart_state(struct state *s, struct uart *u)
{
	state_section(s, 0x54524155, 1); /* "UART" */
	state_u8(s, &u->ier);
	state_u8(s, &u->fcr);
	state_u8(s, &u->lcr);
	state_u8(s, &u->mcr);
	state_u8(s, &u->scr);
	state_u8(s, &u->dll);
	state_u8(s, &u->dlm);
	state_bool(s, &u->thr_event);
	state_u16(s, &u->rx_head);
	state_u16(s, &u->rx_tail);
	state_u16(s, &u->tx_len);
	state_bytes(s, u->rx, sizeof(u->rx));
	state_bytes(s, u->tx, sizeof(u->tx));
	state_check(s, u->tx_len <= UART_TX && rx_count(u) <= UART_RX);
}
