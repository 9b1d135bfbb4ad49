// SPDX-License-Identifier: Apache-2.0
/* The platform-free half of the component runtime. */
#include "lib/component.h"
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include "lib/chan.h"
#include "lib/log.h"
#include "lib/runtime.h"

static const struct start_info *the_info;
static uint32_t lost_lines;

void runtime_begin(const struct start_info *info)
{
	the_info = info;
}

const struct start_info *start_info(void)
{
	return the_info;
}

const struct start_dev *start_dev(const char *name)
{
	for (uint32_t i = 0; i < the_info->dev_count && i < START_MAX_DEV; i++)
		if (!strncmp(the_info->dev[i].name, name, START_NAME))
			return &the_info->dev[i];
	return NULL;
}

const struct start_rom *start_rom(const char *name)
{
	for (uint32_t i = 0; i < the_info->rom_count && i < START_MAX_ROM; i++)
		if (!strncmp(the_info->rom[i].name, name, START_NAME))
			return &the_info->rom[i];
	return NULL;
}

void component_wait(uint64_t deadline_ns)
{
	if (chan_arm())
		runtime_sleep(deadline_ns);
	chan_disarm();
}

static void print_line(const char *line, uint32_t len)
{
	struct chan *c = chan_open("uart", "log");
	struct msg m = { .type = LOG_LINE };
	enum chan_result r;

	if (!c) {
		runtime_print(line, len);
		return;
	}
	do
		r = chan_send(c, &m, line, len);
	while (r == CHAN_RESTARTED);
	lost_lines += r != CHAN_OK;
}

static void log_va(const char *fmt, va_list ap)
{
	char line[LOG_MAX];
	int n;

	if (lost_lines) {
		n = snprintf(line, sizeof(line), "(%u lines lost)", lost_lines);
		lost_lines = 0;
		print_line(line, (uint32_t)n);
	}
	n = vsnprintf(line, sizeof(line), fmt, ap);
	if (n < 0)
		return;
	print_line(line, n < (int)sizeof(line) ? (uint32_t)n : (uint32_t)sizeof(line) - 1);
}

void log_line(const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	log_va(fmt, ap);
	va_end(ap);
}

void die(const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	log_va(fmt, ap);
	va_end(ap);
	runtime_exit(1);
}
