// SPDX-License-Identifier: Apache-2.0
/* services/root/choice.c over the shipped manifest: which disk and network driver serve in machines with this and that. */
#include <stdio.h>
#include <string.h>
#include "services/root/choice.h"
#include "services/root/instance.h"

struct manifest manifest;
static const char *const *present; /* PCI devices by their name in the manifest, up to NULL */
static unsigned failures;

bool engine_has(const struct manifest_device *m)
{
	if (m->kind != MD_PCI)
		return true;
	for (const char *const *p = present; *p; p++)
		if (!strcmp(*p, m->name))
			return true;
	return false;
}

static void check(bool ok, const char *what)
{
	printf("%s root_choice: %s\n", ok ? "ok" : "not ok", what);
	failures += !ok;
}

static uint32_t kind(const char *name)
{
	uint32_t i = 0;

	while (i < manifest.header->components && strcmp(manifest.component[i].name, name) != 0)
		i++;
	return i;
}

/* Whether `server` serves `client` and is started, and its rival neither. */
static bool serves(const char *client, const char *server, const char *rival)
{
	unsigned made = 0, of_server = 0;

	for (uint32_t n = 0; n < manifest.header->channels; n++) {
		const struct manifest_channel *c = &manifest.channel[n];

		if (c->client != kind(client) ||
		    (c->server != kind(server) && c->server != kind(rival)))
			continue;
		made += choice_takes(n);
		of_server += choice_takes(n) && c->server == kind(server);
	}
	return made == 1 && of_server == 1 && !choice_passes_over(kind(server)) &&
	       choice_passes_over(kind(rival));
}

static void machine(const char *what, const char *const *devices, bool virtio_disk,
		    bool virtio_card)
{
	present = devices;
	check(virtio_disk ? serves("disk", "virtio_blk", "ata")
			  : serves("disk", "ata", "virtio_blk"),
	      what);
	check(virtio_card ? serves("uplink", "virtio_net", "e1000")
			  : serves("uplink", "e1000", "virtio_net"),
	      what);
}

int main(void)
{
	static _Alignas(8) char data[1 << 16];
	FILE *f = fopen(MANIFEST_BIN, "rb");
	size_t n = f ? fread(data, 1, sizeof(data), f) : 0;

	if (f)
		fclose(f);
	if (manifest_read(&manifest, data, n))
		return 1;
	machine("virtio alone", (const char *const[]){ "virtio_blk0", "virtio_net0", NULL }, true,
		true);
	machine("IDE and e1000 alone", (const char *const[]){ "ide", "e1000", NULL }, false, false);
	machine("all four: the first named",
		(const char *const[]){ "ide", "e1000", "virtio_blk0", "virtio_net0", NULL }, true,
		true);
	machine("one of each", (const char *const[]){ "ide", "virtio_net0", NULL }, false, true);
	machine("nothing: the first named, which says so", (const char *const[]){ NULL }, true,
		true);
	check(!choice_passes_over(kind("tpm_drv")) && !choice_passes_over(kind("uart")),
	      "who is no alternative is started");
	return failures != 0;
}
