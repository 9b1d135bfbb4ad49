// SPDX-License-Identifier: Apache-2.0
/* Root's logic: starts what the manifest lists, restarts what dies, serves ctl. */
#include <string.h>
#include "lib/component.h"
#include "services/root/choice.h"
#include "services/root/ctl.h"

#define MS             1000000ull
#define SETTLED_MS     30000u /* ran this long: the next death is no quick one */
#define BACKOFF_MS     20u    /* doubled with each quick death, up to */
#define BACKOFF_MAX_MS 5120u

/* How the log's own server died: what it was told of that went with it. */
static char unheard[sizeof(((struct death *)0)->text)];

static bool serves_log(const struct instance *i)
{
	return !strcmp(i->component->name, "uart");
}

static void tell_unheard(const struct instance *i)
{
	if (!serves_log(i) || !unheard[0])
		return;
	log_line("%s %s", instance_title(i), unheard);
	unheard[0] = 0;
}

static void try_start(struct instance *i)
{
	const char *wrong = instance_start(i);

	if (!wrong) {
		tell_unheard(i);
		log_line("%s started%s, %llu KiB", instance_title(i), i->restarts ? " again" : "",
			 (unsigned long long)instance_kib(i));
		ctl_event(i, CTL_STARTED);
		return;
	}
	log_line("%s does not start: %s", instance_title(i), wrong);
	i->state = INST_WAITING;
	i->due = now_ns() + BACKOFF_MAX_MS * MS;
}

static void start_static(void)
{
	for (uint32_t kind = 1; kind < manifest.header->components; kind++) {
		struct instance *i;

		if (manifest.component[kind].flags & MC_TEMPLATE)
			continue;
		if (choice_passes_over(kind)) {
			log_line("%s: another serves in its place", manifest.component[kind].name);
			continue;
		}
		if (instance_new(kind, NULL, NULL, &i) != CS_OK)
			die("%s: no memory for its channels", manifest.component[kind].name);
		try_start(i);
	}
	engine_settled();
}

static void schedule_restart(struct instance *i)
{
	uint64_t wait;

	i->quick = now_ns() - i->started < SETTLED_MS * MS ? i->quick + 1 : 0;
	wait = BACKOFF_MS << (i->quick < 9 ? i->quick : 8);
	i->restarts++;
	i->state = INST_WAITING;
	i->due = now_ns() + (wait < BACKOFF_MAX_MS ? wait : BACKOFF_MAX_MS) * MS;
}

static void bury(const struct death *d)
{
	struct instance *i = &instances[d->number % INSTANCE_MAX];

	if (i->state != INST_RUNNING || !i->number)
		return;
	i->code = d->code;
	if (serves_log(i))
		memcpy(unheard, d->text, sizeof(unheard));
	else
		log_line("%s %s", instance_title(i), d->text);
	instance_halt(i);
	if (i->component->flags & MC_RESTART) {
		schedule_restart(i);
		ctl_event(i, CTL_DIED);
		return;
	}
	i->state = INST_ENDED;
	links_drop(i);
	ctl_event(i, CTL_FINISHED);
}

void root_revive(const char *name)
{
	struct instance *i = instance_find(name, 0);
	struct death d;

	if (i && i->state == INST_RUNNING && engine_death(&d, i->number))
		bury(&d);
	if (i && i->state == INST_WAITING && i->due <= now_ns())
		try_start(i);
}

/* Starts what is due. Returns when the next is, 0: nothing waits. */
static uint64_t start_due(void)
{
	uint64_t next = 0;

	for (struct instance *i = instances + 1; i < instances + INSTANCE_MAX; i++) {
		if (i->state == INST_WAITING && i->due <= now_ns())
			try_start(i);
		if (i->state == INST_WAITING && (!next || i->due < next))
			next = i->due;
	}
	return next;
}

static uint64_t sooner(uint64_t a, uint64_t b)
{
	return !a || (b && b < a) ? b : a;
}

void root_run(struct start_info *own, const struct wake *own_wake, const void *data, uint64_t size)
{
	const char *wrong = manifest_read(&manifest, data, size);

	if (wrong)
		die("manifest: %s", wrong);
	instances_begin(own, own_wake);
	log_line("manifest with %u components, %u channels, %llu MiB memory free",
		 manifest.header->components - 1, manifest.header->channels,
		 (unsigned long long)engine_free_memory() >> 20);
	start_static();
	for (;;) {
		struct death d;

		while (engine_death(&d, 0))
			bury(&d);
		ctl_serve();
		component_wait(sooner(start_due(), engine_tick()));
	}
}
