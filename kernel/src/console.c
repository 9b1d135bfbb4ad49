// SPDX-License-Identifier: Apache-2.0
#include "kernel/inc/console.h"
#include "kernel/inc/x86_64/arch.h"
#include "kernel/inc/x86_64/asm.h"
#include <stdarg.h>

/* 16550 on COM1, transmit side only: the receiver is never read. */
enum {
	COM1 = 0x3f8,
	UART_IER = 1,
	UART_FCR = 2,
	UART_LCR = 3,
	UART_LSR = 5,
	UART_THR_EMPTY = 1 << 5,
	UART_IDLE = 1 << 6,
	UART_8N1 = 3,
	UART_DLAB = 1 << 7,
	UART_PATIENCE = 100000,
};

struct klog_ring *klog;
volatile bool panicked;
static bool serial;

static void serial_wait(uint8_t status)
{
	for (unsigned int i = 0; i < UART_PATIENCE && !(inb(COM1 + UART_LSR) & status); i++)
		cpu_relax();
}

static void serial_putc(char c)
{
	serial_wait(UART_THR_EMPTY);
	outb(COM1, (uint8_t)c);
}

void console_init(void)
{
	serial_wait(UART_IDLE); /* the loader's last line is still on its way */
	outb(COM1 + UART_IER, 0);
	outb(COM1 + UART_LCR, UART_DLAB);
	outb(COM1, 1);
	outb(COM1 + 1, 0);
	outb(COM1 + UART_LCR, UART_8N1);
	outb(COM1 + UART_FCR, 7);
	serial = true;
}

void console_serial(bool on)
{
	serial = on;
}

void kputc(char c)
{
	if (klog) {
		klog->text[klog->next % KLOG_BYTES] = c;
		klog->next++;
	}
	if (!serial)
		return;
	if (c == '\n')
		serial_putc('\r');
	serial_putc(c);
}

static void put_string(const char *s)
{
	while (*s)
		kputc(*s++);
}

static void put_number(uint64_t v, unsigned int base, unsigned int width, char pad)
{
	char digits[20];
	unsigned int n = 0;

	do {
		digits[n++] = "0123456789abcdef"[v % base];
		v /= base;
	} while (v);
	while (width > n) {
		kputc(pad);
		width--;
	}
	while (n)
		kputc(digits[--n]);
}

struct spec {
	unsigned int width;
	char pad;
	bool is_long;
	char kind;
};

static const char *parse(const char *f, struct spec *s)
{
	*s = (struct spec){ .pad = ' ' };
	if (*f == '0')
		s->pad = *f++;
	while (*f >= '0' && *f <= '9')
		s->width = s->width * 10 + (unsigned int)(*f++ - '0');
	if (*f == 'l') {
		s->is_long = true;
		f++;
	}
	s->kind = *f;
	return f + 1;
}

static void vprint(const char *f, va_list ap)
{
	struct spec s;

	while (*f) {
		if (*f != '%') {
			kputc(*f++);
			continue;
		}
		f = parse(f + 1, &s);
		if (s.kind == 's')
			put_string(va_arg(ap, const char *));
		else if (s.kind == 'c')
			kputc((char)va_arg(ap, int));
		else if (s.kind == '%')
			kputc('%');
		else
			put_number(s.is_long ? va_arg(ap, uint64_t) : va_arg(ap, unsigned int),
				   s.kind == 'x' ? 16 : 10, s.width, s.pad);
	}
}

void kprintf(const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	vprint(fmt, ap);
	va_end(ap);
}

void panic(const char *fmt, ...)
{
	va_list ap;

	panicked = true;
	serial = true;
	put_string("\nkernel panic: ");
	va_start(ap, fmt);
	vprint(fmt, ap);
	va_end(ap);
	put_string("\nThis machine has stopped. Nothing runs on; reset it.\n");
	halt_all();
}
