// SPDX-License-Identifier: Apache-2.0
#include "boot/loader/log.h"
#include "boot/loader/firmware.h"
#include "boot/loader/mem.h"
#include "boot/loader/print.h"
#include "boot/loader/tcg2.h"
#include "boot/loader/tpm.h"
#include "boot/eventlog.h"

enum { MAX_LOG = 1 << 20, MAX_FINAL = 64 << 10 };

static const EFI_TCG2_FINAL_EVENTS_TABLE *final_table;
static uint64_t final_seen; /* events of the table that the copied log holds already */

static void damaged(void)
{
	refuse("the firmware's event log is damaged", "TCG2 event log", "update the firmware");
}

/* Bytes of the log up to the end of the record at `last`. */
static size_t log_length(const uint8_t *log, const uint8_t *last)
{
	struct eventlog reader;
	struct event event;
	size_t last_at = (size_t)(last - log), at;

	if (last < log || eventlog_open(&reader, log, MAX_LOG))
		damaged();
	do {
		at = reader.at;
		if (at > last_at || eventlog_next(&reader, &event) != 1)
			damaged();
	} while (at != last_at);
	return reader.at;
}

void log_copy(struct bootinfo *info)
{
	EFI_GUID guid = EFI_TCG2_FINAL_EVENTS_TABLE_GUID;
	const uint8_t *log, *last;

	tpm_log(&log, &last);
	info->log_size = log_length(log, last);
	info->log_base = (uintptr_t)alloc_pages(pages_of(info->log_size + MAX_FINAL));
	memcpy((void *)info->log_base, log, info->log_size);
	final_table = config_table(&guid);
	final_seen = final_table ? final_table->NumberOfEvents : 0;
}

void log_append_final(struct bootinfo *info)
{
	struct eventlog reader;
	struct event event;

	if (!final_table)
		return;
	/* The table has no Spec ID record of its own: read it with the digest sizes of the log. */
	if (eventlog_open(&reader, (void *)info->log_base, info->log_size))
		damaged();
	reader.data = final_table->Event;
	reader.size = MAX_FINAL;
	reader.at = 0;
	size_t old = 0;

	for (uint64_t i = 0; i < final_table->NumberOfEvents; i++) {
		if (eventlog_next(&reader, &event) != 1)
			damaged();
		if (i < final_seen)
			old = reader.at;
	}
	memcpy((uint8_t *)info->log_base + info->log_size, reader.data + old, reader.at - old);
	info->log_size += reader.at - old;
}
