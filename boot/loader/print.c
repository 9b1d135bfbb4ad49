// SPDX-License-Identifier: Apache-2.0
#include "boot/loader/print.h"
#include "boot/loader/firmware.h"
#include "boot/loader/io.h"
#include <stdarg.h>

enum {
	COM1 = 0x3f8,
	COM_DIVISOR = 0,
	COM_INTERRUPTS = 1,
	COM_FIFO = 2,
	COM_LINE = 3,
	COM_MODEM = 4,
	COM_STATUS = 5,
	COM_SCRATCH = 7,
	COM_STATUS_EMPTY = 0x20,
	MAX_SCREENS = 8,
};

static SIMPLE_TEXT_OUTPUT_INTERFACE *screens[MAX_SCREENS];
static uint32_t screen_count;
static int serial_present;

static void serial_start(void)
{
	outb(COM1 + COM_SCRATCH, 0xa5);
	serial_present = inb(COM1 + COM_SCRATCH) == 0xa5;
	if (!serial_present)
		return;
	outb(COM1 + COM_INTERRUPTS, 0);
	outb(COM1 + COM_LINE, 0x80); /* divisor latch */
	outb(COM1 + COM_DIVISOR, 1);
	outb(COM1 + COM_DIVISOR + 1, 0);
	outb(COM1 + COM_LINE, 0x03);
	outb(COM1 + COM_FIFO, 0x07);
	outb(COM1 + COM_MODEM, 0x03);
}

static void serial_char(char c)
{
	uint32_t patience = 100000;

	if (!serial_present)
		return;
	while (!(inb(COM1 + COM_STATUS) & COM_STATUS_EMPTY) && --patience)
		;
	outb(COM1, (uint8_t)c);
}

/* Firmware may drive the serial port as a console too; writing there as well would double each line. */
static int is_screen(EFI_HANDLE handle)
{
	EFI_GUID path_guid = EFI_DEVICE_PATH_PROTOCOL_GUID;
	EFI_DEVICE_PATH *node;

	if (EFI_ERROR(BOOT->HandleProtocol(handle, &path_guid, (void **)&node)))
		return 0;
	for (; !IsDevicePathEndType(node); node = NextDevicePathNode(node))
		if (DevicePathType(node) == MESSAGING_DEVICE_PATH &&
		    DevicePathSubType(node) == MSG_UART_DP)
			return 0;
	return 1;
}

static void screens_start(void)
{
	EFI_GUID text_guid = SIMPLE_TEXT_OUTPUT_PROTOCOL;
	EFI_HANDLE *handles;
	UINTN count;

	if (EFI_ERROR(BOOT->LocateHandleBuffer(ByProtocol, &text_guid, NULL, &count, &handles)))
		return;
	for (UINTN i = 0; i < count && screen_count < MAX_SCREENS; i++)
		if (is_screen(handles[i]) &&
		    !EFI_ERROR(BOOT->HandleProtocol(handles[i], &text_guid,
						    (void **)&screens[screen_count])))
			screen_count++;
	BOOT->FreePool(handles);
}

void print_start(void)
{
	serial_start();
	screens_start();
}

void screen_off(void)
{
	screen_count = 0;
}

static void put(char c)
{
	CHAR16 text[2] = { (CHAR16)c, 0 };

	if (c == '\n')
		put('\r');
	serial_char(c);
	for (uint32_t i = 0; i < screen_count; i++)
		screens[i]->OutputString(screens[i], text);
}

static void put_string(const char *s)
{
	while (*s)
		put(*s++);
}

static void put_number(uint64_t value, uint32_t base)
{
	char digits[24];
	int n = 0;

	do
		digits[n++] = "0123456789abcdef"[value % base];
	while (value /= base);
	while (n)
		put(digits[--n]);
}

void say(const char *format, ...)
{
	va_list args;

	va_start(args, format);
	for (; *format; format++) {
		if (*format != '%') {
			put(*format);
			continue;
		}
		format++;
		if (*format == 's')
			put_string(va_arg(args, const char *));
		else
			put_number(va_arg(args, uint64_t), *format == 'x' ? 16 : 10);
	}
	va_end(args);
}

void refuse(const char *what, const char *where, const char *advice)
{
	say("\nredoubt: REFUSED TO BOOT: %s\n  where: %s\n  to do: %s\n", what, where, advice);
	for (;;)
		__asm__ volatile("cli; hlt");
}
