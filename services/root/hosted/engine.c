// SPDX-License-Identifier: Apache-2.0
/*
 * Root for hosted components: domains are Linux processes, memory is one shared file.
 *
 * Started by build/host/hosted (lib/host/launch.c). Runs the very manifest of the server. Component images are the programs hosted-<image> beside this one; boot parts for
 * start_rom are DIR/parts/<name>. Log lines of root go to stderr. Ends, with all processes, on SIGTERM or SIGINT.
 */
#include "services/root/engine.h"
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/random.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>
#include "lib/component.h"
#include "lib/host/hosted.h"
#include "lib/runtime.h"
#include "services/root/instance.h"
#include "services/root/ranges.h"

static struct ranges memory;
static struct ranges wakes; /* numbers */
static const char *dir, *programs;
static char file_path[4096];
static uint64_t boot_id;

static void *at(uint64_t offset)
{
	return (void *)(HOSTED_BASE + offset);
}

bool area_new(struct area *a, uint64_t size, uint64_t align)
{
	uint64_t base;

	if (!ranges_take(&memory, size, align, &base))
		return false;
	*a = (struct area){ .base = base, .size = size };
	memset(at(base), 0, size);
	return true;
}

void area_free(struct area *a)
{
	if (a->size)
		ranges_put(&memory, a->base, a->size);
	*a = (struct area){ 0 };
}

void *area_window(struct area *a, uint64_t size)
{
	(void)size;
	return at(a->base);
}

void area_unwindow(struct area *a)
{
	(void)a;
}

bool domain_new(struct domain *d, const struct manifest_component *c, uint32_t frames,
		const char *label, uint32_t number)
{
	(void)frames;
	(void)c;
	*d = (struct domain){ .used = true, .number = number };
	snprintf(d->label, sizeof(d->label), "%s", label);
	return true;
}

void domain_free(struct domain *d)
{
	if (d->used && d->pd) {
		kill((pid_t)d->pd, SIGKILL);
		waitpid((pid_t)d->pd, NULL, 0);
	}
	*d = (struct domain){ 0 };
}

bool domain_give(struct domain *d, const struct area *a, uint64_t va, enum give rights,
		 uint64_t *where)
{
	(void)d;
	(void)va;
	(void)rights;
	*where = HOSTED_BASE + a->base;
	return true;
}

bool domain_give_mem(struct domain *d, const struct area *a)
{
	(void)d;
	(void)a;
	return true;
}

const char *domain_load(struct domain *d, const char *image, struct area *own)
{
	char path[4200];

	(void)own;
	snprintf(path, sizeof(path), "%s/hosted-%s", programs, image);
	snprintf(d->image, sizeof(d->image), "%s", image);
	return access(path, X_OK) ? "no such hosted program" : NULL;
}

bool domain_rom(struct domain *d, uint32_t n, const char *part, struct start_rom *rom)
{
	static struct {
		char name[START_NAME];
		struct area area;
		uint64_t size;
	} loaded[MANIFEST_MAX_ROMS];
	uint32_t k = 0;
	char path[4200];
	struct stat st;
	FILE *f;

	(void)d;
	(void)n;
	snprintf(path, sizeof(path), "%s/parts/%s", dir, part);
	while (k < MANIFEST_MAX_ROMS && loaded[k].size && strcmp(loaded[k].name, part))
		k++;
	if (k == MANIFEST_MAX_ROMS)
		return false;
	if (!loaded[k].size) {
		if (stat(path, &st) || !st.st_size ||
		    !area_new(&loaded[k].area, ((uint64_t)st.st_size + 4095) & ~4095ull, 4096))
			return false;
		f = fopen(path, "re");
		if (!f)
			return false;
		loaded[k].size = fread(at(loaded[k].area.base), 1, (size_t)st.st_size, f);
		snprintf(loaded[k].name, START_NAME, "%s", part);
		fclose(f);
	}
	*rom = (struct start_rom){ .va = HOSTED_BASE + loaded[k].area.base,
				   .size = loaded[k].size };
	snprintf(rom->name, sizeof(rom->name), "%s", part);
	return true;
}

bool engine_has(const struct manifest_device *m)
{
	(void)m;
	return true;
}

const char *domain_device(struct domain *d, uint32_t n, const struct manifest_device *m,
			  struct start_dev *dev, struct area *dma)
{
	(void)d;
	(void)n;
	(void)dma;
	memcpy(dev->name, m->name, sizeof(dev->name));
	return NULL;
}

bool domain_device_off(struct domain *d, const struct start_dev *dev)
{
	(void)d;
	(void)dev;
	return true;
}

bool domain_run(struct domain *d, const struct manifest_component *c, const struct area *info)
{
	char path[4200], env[4400];
	pid_t pid;

	(void)c;
	snprintf(path, sizeof(path), "%s/hosted-%s", programs, d->image);
	snprintf(env, sizeof(env), "%s:%llu:%u", file_path, (unsigned long long)info->base,
		 instances[d->number].wake.sel - HOSTED_SEL_WAKE);
	fflush(NULL);
	pid = fork();
	if (!pid) {
		prctl(PR_SET_PDEATHSIG, SIGKILL);
		setenv(HOSTED_ENV, env, 1);
		execl(path, d->label, (char *)NULL);
		_exit(127);
	}
	d->pd = pid > 0 ? (uint32_t)pid : 0;
	return pid > 0;
}

bool wake_new(struct wake *w)
{
	struct hosted_mem *mem = at(0);
	uint64_t n;

	if (!ranges_take(&wakes, 1, 1, &n))
		return false;
	w->sel = HOSTED_SEL_WAKE + (uint32_t)n;
	atomic_store(&mem->wake[n].count, 0);
	return true;
}

void wake_free(struct wake *w)
{
	if (w->sel)
		ranges_put(&wakes, w->sel - HOSTED_SEL_WAKE, 1);
	w->sel = 0;
}

void wake_up(const struct wake *w)
{
	runtime_up(w->sel);
}

bool wake_own(const struct wake *w, struct domain *d)
{
	(void)w;
	(void)d;
	return true;
}

uint32_t wake_give(const struct wake *w, struct domain *d, uint32_t slot)
{
	(void)d;
	(void)slot;
	return w->sel;
}

static int32_t describe(int status, char *text, size_t size)
{
	if (WIFEXITED(status)) {
		snprintf(text, size, "ended with %d", WEXITSTATUS(status));
		return WEXITSTATUS(status);
	}
	snprintf(text, size, "died: signal %d (%s)", WTERMSIG(status), strsignal(WTERMSIG(status)));
	return -1;
}

bool engine_death(struct death *d, uint32_t number)
{
	for (uint32_t n = 1; n < INSTANCE_MAX; n++) {
		struct domain *domain = &instances[n].domain;
		int status;

		if ((number && n != number) || !domain->used || !domain->pd ||
		    waitpid((pid_t)domain->pd, &status, WNOHANG) != (pid_t)domain->pd)
			continue;
		domain->pd = 0;
		d->number = n;
		d->code = describe(status, d->text, sizeof(d->text));
		return true;
	}
	return false;
}

uint64_t engine_boot_id(void)
{
	return boot_id;
}

uint64_t engine_tsc_khz(void)
{
	return 1000000;
}

uint64_t engine_tick(void)
{
	return 0;
}

/* The host's devices are not ours. */
uint32_t engine_iommu(void)
{
	return START_IOMMU_NONE;
}

uint32_t engine_cpus(void)
{
	return 1;
}

uint64_t engine_free_frames(void)
{
	return 0;
}

uint64_t engine_free_memory(void)
{
	return ranges_total(&memory);
}

void engine_seed(uint8_t seed[32])
{
	if (getrandom(seed, 32, 0) != 32)
		abort();
}

void engine_settled(void)
{
}

static struct wake own_wake;

static void on_child(int sig)
{
	int saved = errno;

	(void)sig;
	wake_up(&own_wake);
	errno = saved;
}

static void on_end(int sig)
{
	(void)sig;
	unlink(file_path);
	_exit(0); /* the children die with their parent */
}

static void *read_file(const char *path, uint64_t *size)
{
	FILE *f = fopen(path, "re");
	static _Alignas(8) uint8_t data[1 << 20];

	if (!f)
		die("%s: %s", path, strerror(errno));
	*size = fread(data, 1, sizeof(data), f);
	fclose(f);
	return data;
}

int main(int argc, char **argv)
{
	struct start_info *own = at(sizeof(struct hosted_mem));
	uint64_t size;
	void *manifest_data;

	if (argc != 3)
		die("usage: hosted MANIFEST DIR");
	dir = argv[2];
	programs = getenv("HOSTED_PROGRAMS");
	if (!programs)
		die("HOSTED_PROGRAMS is not set");
	sscanf(getenv(HOSTED_ENV), "%4095[^:]", file_path);
	if (getrandom(&boot_id, sizeof(boot_id), 0) != sizeof(boot_id))
		die("no randomness");
	manifest_data = read_file(argv[1], &size);
	ranges_put(&memory, sizeof(struct hosted_mem) + START_INFO_SIZE,
		   HOSTED_SIZE - sizeof(struct hosted_mem) - START_INFO_SIZE);
	ranges_put(&wakes, 1, HOSTED_WAKES - 1);
	own_wake.sel = HOSTED_SEL_WAKE; /* number 0 */
	snprintf(own->name, sizeof(own->name), "root");
	engine_seed(own->seed);
	signal(SIGCHLD, on_child);
	signal(SIGTERM, on_end);
	signal(SIGINT, on_end);
	root_run(own, &own_wake, manifest_data, size);
}
