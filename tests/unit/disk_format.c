// SPDX-License-Identifier: Apache-2.0
/* The disk's format on a simulated device whose power is cut at every sector that is written. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "services/disk/header.h"
#include "services/disk/store.h"
#include "services/disk/volumes.h"

#define SECTOR 512u
#define BLOCKS DISK_MIN_BLOCKS

static int failed;

static void check(const char *what, int good)
{
	printf("%s disk_format: %s\n", good ? "ok" : "not ok", what);
	failed |= !good;
}

/* ---- a device with a write cache; power goes after `budget` sectors have reached the medium ---- */

static struct {
	uint8_t medium[BLOCKS * BLK_SIZE];
	uint8_t cache[BLOCKS * BLK_SIZE];
	uint8_t dirty[BLOCKS * BLK_SIZE / SECTOR];
	long budget;  /* sectors until the cut; negative: no cut */
	long written; /* sectors so far */
	int off;
	int shuffle; /* unflushed sectors reach the medium in any order */
} sim;

static void to_medium(size_t sector)
{
	if (sim.budget >= 0 && sim.written >= sim.budget) {
		sim.off = 1;
		return;
	}
	memcpy(sim.medium + sector * SECTOR, sim.cache + sector * SECTOR, SECTOR);
	sim.dirty[sector] = 0;
	sim.written++;
}

static int sim_read(void *arg, uint64_t block, uint32_t count, void *data)
{
	(void)arg;
	if (sim.off || block + count > BLOCKS)
		return -1;
	memcpy(data, sim.cache + block * BLK_SIZE, (size_t)count * BLK_SIZE);
	return 0;
}

static int sim_write(void *arg, uint64_t block, uint32_t count, const void *data)
{
	(void)arg;
	if (sim.off || block + count > BLOCKS)
		return -1;
	memcpy(sim.cache + block * BLK_SIZE, data, (size_t)count * BLK_SIZE);
	memset(sim.dirty + block * BLK_SIZE / SECTOR, 1, (size_t)count * BLK_SIZE / SECTOR);
	return 0;
}

static int sim_flush(void *arg)
{
	const size_t sectors = sizeof(sim.dirty);
	size_t start = sim.shuffle ? (size_t)rand() % sectors : 0;
	size_t step = sim.shuffle ? 7919 : 1; /* a prime: visits all */

	(void)arg;
	for (size_t i = 0; i < sectors && !sim.off; i++) {
		size_t sector = (start + i * step) % sectors;

		if (sim.dirty[sector])
			to_medium(sector);
	}
	return sim.off ? -1 : 0;
}

static const struct device device = { sim_read, sim_write, sim_flush, NULL, BLOCKS };

/* Power comes back: what was only in the cache is gone. */
static void power_on(long budget)
{
	memcpy(sim.cache, sim.medium, sizeof(sim.medium));
	memset(sim.dirty, 0, sizeof(sim.dirty));
	sim.off = 0;
	sim.written = 0;
	sim.budget = budget;
}

static void blank(void)
{
	memset(sim.medium, 0, sizeof(sim.medium));
	power_on(-1);
}

static void noise(void *p, size_t n)
{
	for (uint8_t *b = p; n--;)
		*b++ = (uint8_t)rand();
}

static const uint8_t key[32] = { 1, 2, 3 }, uuid[16] = { 4 };

static void end(struct store *s)
{
	free(s->valid.data);
	free(s->next.data);
	free(s->block);
}

static enum store_result put(struct store *s, const char *name, const void *value, size_t n)
{
	enum store_result r;

	store_begin(s);
	r = store_set(s, name, strlen(name), value, n);
	return r == STORE_OK ? store_commit(s) : r;
}

static int has(const struct store *s, const char *name, const void *value, size_t n)
{
	struct record r;

	return store_get(s, name, strlen(name), &r) && r.value_size == n &&
	       memcmp(r.value, value, n) == 0;
}

/* ---- store ---- */

#define BIG 20000u

static void values(uint8_t *v, unsigned round)
{
	memset(v, (int)round, BIG);
	v[0] = (uint8_t)(round * 3);
}

/* After a cut: both records of the last acknowledged round, or both of the round under way. */
static int consistent(unsigned acknowledged)
{
	uint8_t v[BIG];
	struct store s;
	int good = 0;

	power_on(-1);
	if (store_init(&s, &device, key, uuid, noise) != STORE_OK)
		return 0;
	if (store_open(&s) == STORE_OK)
		for (unsigned round = acknowledged; round <= acknowledged + 1 && !good; round++) {
			values(v, round);
			good = has(&s, "a", v, BIG) && has(&s, "b", v, 100);
		}
	end(&s);
	return good;
}

/* Rounds of two records each until the power goes; the last round that was acknowledged. */
static unsigned work(struct store *s, unsigned first)
{
	uint8_t v[BIG];

	for (unsigned round = first;; round++) {
		values(v, round);
		store_begin(s);
		if (store_set(s, "a", 1, v, BIG) != STORE_OK ||
		    store_set(s, "b", 1, v, 100) != STORE_OK)
			return round - 1;
		if (store_commit(s) != STORE_OK)
			return round - 1;
		if (round == first + 3)
			return round;
	}
}

static void store_cuts(int shuffle)
{
	int good = 1, cuts = 0;

	sim.shuffle = shuffle;
	for (long budget = 0; good && budget < 400; budget++, cuts++) {
		struct store s;
		unsigned acknowledged;

		blank();
		good &= store_init(&s, &device, key, uuid, noise) == STORE_OK &&
			store_format(&s) == STORE_OK && work(&s, 1) == 4;
		power_on(budget);
		acknowledged = work(&s, 5);
		good &= consistent(acknowledged);
		end(&s);
	}
	printf("# %d cuts\n", cuts);
	check(shuffle ? "cut at every sector, written in any order: old or new, nothing "
			"acknowledged lost"
		      : "cut at every sector: old or new, nothing acknowledged lost",
	      good);
}

static void store_basics(void)
{
	struct store s, again;
	static uint8_t large[STORE_SNAPSHOT_MAX];
	uint8_t other[32] = { 9 };

	blank();
	check("a format", store_init(&s, &device, key, uuid, noise) == STORE_OK &&
				  store_format(&s) == STORE_OK);
	check("a record",
	      put(&s, "policy/x", "hello", 5) == STORE_OK && has(&s, "policy/x", "hello", 5));
	check("a record that does not fit is refused and changes nothing",
	      put(&s, "big", large, sizeof(large)) == STORE_FULL &&
		      has(&s, "policy/x", "hello", 5));
	check("the largest record fits",
	      put(&s, "big", large, STORE_SNAPSHOT_MAX - 200) == STORE_OK);
	check("removed again", put(&s, "big", NULL, 0) == STORE_OK && !has(&s, "big", large, 1));
	check("a bad name is refused", put(&s, "a b", "x", 1) == STORE_BAD);
	check("opened again", store_init(&again, &device, key, uuid, noise) == STORE_OK &&
				      store_open(&again) == STORE_OK &&
				      has(&again, "policy/x", "hello", 5));
	end(&again);
	check("another key opens nothing",
	      store_init(&again, &device, other, uuid, noise) == STORE_OK &&
		      store_open(&again) == STORE_DAMAGED);
	end(&again);
	sim.cache[DISK_SLOT(s.slot) * BLK_SIZE + 140] ^= 1;
	check("a changed slot is not taken: the one before is",
	      store_init(&again, &device, key, uuid, noise) == STORE_OK &&
		      store_open(&again) == STORE_OK && again.damaged == 1);
	end(&again);
	sim.cache[DISK_SLOT(1 - s.slot) * BLK_SIZE + 20] ^= 1;
	check("both changed: told", store_init(&again, &device, key, uuid, noise) == STORE_OK &&
					    store_open(&again) == STORE_DAMAGED);
	end(&again);
	end(&s);
}

static int slot_hides(const char *secret)
{
	return memmem(sim.medium, sizeof(sim.medium), secret, strlen(secret)) == NULL;
}

static void store_secrecy(void)
{
	struct store s;

	blank();
	(void)!(store_init(&s, &device, key, uuid, noise) || store_format(&s));
	check("nothing of a record is readable on the disk",
	      put(&s, "name-in-clear", "value in clear", 14) == STORE_OK &&
		      slot_hides("name-in-clear") && slot_hides("value in clear"));
	end(&s);
}

/* ---- header ---- */

static struct disk_header new_header(void)
{
	struct disk_header h = { .magic = DISK_MAGIC,
				 .version = DISK_HEADER_VERSION,
				 .size = sizeof(h),
				 .blocks = BLOCKS,
				 .public_size = 10,
				 .private_size = 10,
				 .approvals = 1 };

	h.approval[0] = (struct approval){ .magic = APPROVAL_MAGIC,
					   .version = APPROVAL_VERSION,
					   .kind = APPROVAL_DISK,
					   .pcr_mask = APPROVAL_PCR_MASK };
	return h;
}

static void header_cuts(void)
{
	int good = 1;

	sim.shuffle = 0;
	for (long budget = 0; budget <= 16; budget++) {
		struct disk_header h = new_header(), read;
		enum header_state state;
		int done;

		blank();
		power_on(budget);
		done = header_write(&device, &h, key) == 0;
		power_on(-1);
		state = header_read(&device, &read);
		good &= done ? state == HEADER_INTACT
			     : state == HEADER_BLANK || state == HEADER_INTACT;
	}
	check("a format cut at every sector is blank or whole", good);
	for (long budget = 0; budget <= 8; budget++) {
		struct disk_header h = new_header(), read = { 0 };
		int done;

		blank();
		good &= header_write(&device, &h, key) == 0;
		h.approvals = 2;
		h.approval[1] = h.approval[0];
		power_on(budget);
		done = header_write(&device, &h, key) == 0;
		power_on(-1);
		good &= header_read(&device, &read) == HEADER_INTACT &&
			header_authentic(&read, key) &&
			(read.approvals == 2 || (!done && read.approvals == 1));
	}
	check("an update cut at every sector is old or new", good);
}

static void header_damage(void)
{
	struct disk_header h = new_header(), read;
	const uint8_t other[32] = { 8 };
	int good = 1;

	blank();
	check("a blank disk is blank", header_read(&device, &read) == HEADER_BLANK);
	(void)header_write(&device, &h, key);
	check("authentic with its key only",
	      header_authentic(&h, key) && !header_authentic(&h, other));
	for (size_t i = 0; i < sizeof(h); i++) {
		read = h;
		((uint8_t *)&read)[i] ^= 0x10;
		good &= header_check(&read) != HEADER_INTACT;
	}
	check("every changed byte is seen", good);
	read = h;
	read.server_id[0] ^= 1;
	disk_sha256(&read, offsetof(struct disk_header, sum), read.sum);
	check("a change with a fitting sum is not authentic",
	      header_check(&read) == HEADER_INTACT && !header_authentic(&read, key));
	read = h;
	read.version = 2;
	disk_sha256(&read, offsetof(struct disk_header, sum), read.sum);
	check("a later version is told", header_check(&read) == HEADER_VERSION);
	sim.cache[DISK_COPY_A * BLK_SIZE] ^= 1;
	check("one damaged copy does not matter", header_read(&device, &read) == HEADER_INTACT);
	sim.cache[DISK_COPY_B * BLK_SIZE] ^= 1;
	check("two are told", header_read(&device, &read) == HEADER_DAMAGED);
}

/* ---- volumes ---- */

static void volume_table(void)
{
	static struct volumes v, again;
	static uint8_t bytes[VOLUMES_BYTES];
	struct volume *a, *b, *c;
	uint8_t id[16] = { 0 };
	uint64_t where;
	uint32_t run;
	int good;

	volumes_init(&v, DISK_DATA + 10 * DISK_UNIT + 5);
	check("ten units", volumes_free_units(&v) == 10);
	good = volumes_create(&v, 7, (id[0] = 1, id), 3 * DISK_UNIT, &a) == VOLUMES_OK &&
	       volumes_create(&v, 7, (id[0] = 2, id), 3 * DISK_UNIT - 9, &b) == VOLUMES_OK &&
	       volumes_create(&v, 8, (id[0] = 3, id), 1, &c) == VOLUMES_OK;
	check("three volumes", good && volumes_free_units(&v) == 3);
	check("the same again is no error",
	      volumes_create(&v, 7, (id[0] = 2, id), 3 * DISK_UNIT - 9, &b) == VOLUMES_OK &&
		      volumes_free_units(&v) == 3);
	check("with another size it is", volumes_create(&v, 7, id, 5, &b) == VOLUMES_EXISTS);
	check("nor by another TVD",
	      volumes_create(&v, 8, id, 3 * DISK_UNIT - 9, &b) == VOLUMES_EXISTS);
	check("another TVD does not see it", volumes_find(&v, 7, 2) && !volumes_find(&v, 8, 2));
	check("too large is refused",
	      volumes_create(&v, 7, (id[0] = 4, id), 4 * DISK_UNIT, &b) == VOLUMES_FULL);
	check("another TVD does not delete it",
	      volumes_delete(&v, 8, (id[0] = 2, id)) == VOLUMES_ABSENT);
	check("deleted", volumes_delete(&v, 7, id) == VOLUMES_OK && volumes_free_units(&v) == 6);
	check("a volume in pieces",
	      volumes_create(&v, 9, (id[0] = 5, id), 5 * DISK_UNIT, &b) == VOLUMES_OK &&
		      b->runs == 2);
	check("its second piece is found",
	      volume_locate(b, 3 * DISK_UNIT - 1, 4, &where, &run) && run == 1 &&
		      volume_locate(b, 3 * DISK_UNIT, 4, &where, &run) && run == 4 &&
		      where == DISK_DATA + 7 * DISK_UNIT);
	check("nothing behind its end", !volume_locate(b, 5 * DISK_UNIT - 1, 2, &where, &run) &&
						!volume_locate(b, UINT64_MAX, 2, &where, &run));
	volumes_init(&again, DISK_DATA + 10 * DISK_UNIT + 5);
	run = (uint32_t)volumes_write(&v, bytes);
	check("written and read",
	      volumes_parse(&again, bytes, run) == VOLUMES_OK && again.count == 3 &&
		      memcmp(&again.volume[1].run, &v.volume[1].run, sizeof(v.volume[1].run)) == 0);
	bytes[8 + 40] = bytes[8 + 48 + 40];
	check("doubled units are refused",
	      volumes_parse(&again, bytes, run) == VOLUMES_BAD && again.count == 0);
	check("a new volume is fresh until told",
	      v.volume[0].flags == VOLUME_FRESH &&
		      volumes_ready(&v, v.volume[0].tag + 1, v.volume[0].uuid) == VOLUMES_ABSENT &&
		      volumes_ready(&v, v.volume[0].tag, v.volume[0].uuid) == VOLUMES_OK &&
		      v.volume[0].flags == 0);
	check("purge", volumes_purge(&v, 9) == 1 && volumes_free_units(&v) == 6);
}

int main(void)
{
	srand(1);
	store_basics();
	store_secrecy();
	store_cuts(0);
	store_cuts(1);
	header_cuts();
	header_damage();
	volume_table();
	return failed;
}
