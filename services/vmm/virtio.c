// SPDX-License-Identifier: Apache-2.0
#include "services/vmm/virtio.h"
#include <string.h>

enum {
	OFF_ISR = 0x1000,
	OFF_DEVICE = 0x2000,
	OFF_TABLE = 0x3000,
	OFF_PENDING = 0x3800,
	REGION = 0x1000,
	CAP_VENDOR = 0x09,
	CAP_MSIX = 0x11,
	CFG_COMMON = 1,
	CFG_NOTIFY = 2,
	CFG_ISR = 3,
	CFG_DEVICE = 4,
	CFG_PCI = 5,
	CAP_SIZE = 16,
	NOTIFY_STEP = 4,
	NO_VECTOR = 0xffff,
	MSIX_ENABLE = 0x80, /* in the high byte of message control */
	MSIX_MASK = 0x40,
	STATUS_DRIVER_OK = 4,
	STATUS_FEATURES_OK = 8,
	STATUS_NEEDS_RESET = 0x40,
};

/* Common configuration, section 4.1.4.3. */
enum common {
	DEVICE_FEATURE_SELECT = 0x00,
	DEVICE_FEATURE = 0x04,
	DRIVER_FEATURE_SELECT = 0x08,
	DRIVER_FEATURE = 0x0c,
	CONFIG_VECTOR = 0x10,
	NUM_QUEUES = 0x12,
	DEVICE_STATUS = 0x14,
	CONFIG_GENERATION = 0x15,
	QUEUE_SELECT = 0x16,
	QUEUE_SIZE = 0x18,
	QUEUE_VECTOR = 0x1a,
	QUEUE_ENABLE = 0x1c,
	QUEUE_NOTIFY_OFF = 0x1e,
	QUEUE_DESC = 0x20,
	QUEUE_AVAIL = 0x28,
	QUEUE_USED = 0x30,
	COMMON_SIZE = 0x38,
};

static void reset(struct virtio *v)
{
	for (unsigned i = 0; i < VIRTIO_QUEUES; i++)
		virtq_reset(&v->queue[i]);
	v->status = 0;
	v->accepted = 0;
	v->feature_select = v->guest_feature_select = 0;
	v->queue_select = 0;
	v->config_vector = NO_VECTOR;
	v->pending = 0;
}

static unsigned add_cap(struct virtio *v, uint8_t type, uint8_t bar, uint32_t offset,
			uint32_t length, unsigned size)
{
	uint8_t cap[CAP_SIZE + 4] = { CAP_VENDOR, 0, (uint8_t)size, type, bar };

	pci_set(cap + 8, 4, offset);
	pci_set(cap + 12, 4, length);
	if (type == CFG_NOTIFY)
		pci_set(cap + 16, 4, NOTIFY_STEP);
	return pci_add_cap(&v->pci, cap, size);
}

static void add_msix(struct virtio *v)
{
	uint8_t cap[12] = { CAP_MSIX };

	pci_set(cap + 2, 2, VIRTIO_VECTORS - 1);
	pci_set(cap + 4, 4, OFF_TABLE);
	pci_set(cap + 8, 4, OFF_PENDING);
	v->msix_cap = (uint8_t)pci_add_cap(&v->pci, cap, sizeof(cap));
	v->pci.mask[v->msix_cap + 3] = MSIX_ENABLE | MSIX_MASK;
}

static void window_read(void *dev, unsigned at, unsigned size);
static void config_written(void *dev, unsigned at, unsigned size);

void virtio_init(struct virtio *v, enum virtio_kind kind, uint32_t class, unsigned queues,
		 uint64_t features, const struct virtio_ops *ops)
{
	*v = (struct virtio){ .ops = ops, .queues = (uint16_t)queues };
	v->offered = features | VIRTIO_F_VERSION_1 | VIRTIO_F_INDIRECT | VIRTIO_F_EVENT_IDX;
	pci_func_init(&v->pci, 0x1af4, (uint16_t)(0x1040 + kind), class, 1);
	pci_add_bar(&v->pci, 0, VIRTIO_BAR_SIZE, false);
	pci_add_bar(&v->pci, 1, VIRTIO_IO_SIZE, true);
	add_msix(v);
	add_cap(v, CFG_COMMON, 0, 0, COMMON_SIZE, CAP_SIZE);
	add_cap(v, CFG_NOTIFY, 1, 0, VIRTIO_IO_SIZE, CAP_SIZE + 4);
	add_cap(v, CFG_ISR, 0, OFF_ISR, 4, CAP_SIZE);
	add_cap(v, CFG_DEVICE, 0, OFF_DEVICE, REGION, CAP_SIZE);
	v->window_cap = (uint8_t)add_cap(v, CFG_PCI, 0, 0, 0, CAP_SIZE + 4);
	v->pci.mask[v->window_cap + 4] = 0xff;
	memset(v->pci.mask + v->window_cap + 8, 0xff, 12);
	v->pci.dev = v;
	v->pci.before_read = window_read;
	v->pci.after_write = config_written;
	for (unsigned i = 0; i < VIRTIO_VECTORS; i++)
		v->vector[i].control = 1;
	reset(v);
}

bool virtio_live(const struct virtio *v)
{
	return (v->status & (STATUS_DRIVER_OK | STATUS_NEEDS_RESET)) == STATUS_DRIVER_OK &&
	       (v->pci.cfg[PCI_COMMAND] & PCI_COMMAND_MASTER);
}

/* --- interrupts --- */

static void send_vector(struct virtio *v, unsigned n)
{
	uint8_t control = v->pci.cfg[v->msix_cap + 3];

	if (n >= VIRTIO_VECTORS || !(control & MSIX_ENABLE))
		return;
	if ((control & MSIX_MASK) || (v->vector[n].control & 1)) {
		v->pending |= UINT32_C(1) << n;
		return;
	}
	v->pending &= ~(UINT32_C(1) << n);
	v->host->msi(v->host, v->vector[n].addr, v->vector[n].data);
}

static void send_pending(struct virtio *v)
{
	for (unsigned n = 0; n < VIRTIO_VECTORS; n++)
		if (v->pending >> n & 1)
			send_vector(v, n);
}

void virtio_interrupt(struct virtio *v, unsigned q)
{
	if (virtq_wants_interrupt(&v->queue[q], v->gm))
		send_vector(v, v->queue[q].vector);
}

void virtio_config_changed(struct virtio *v)
{
	v->generation++;
	if (virtio_live(v))
		send_vector(v, v->config_vector);
}

static uint32_t table_read(const struct virtio *v, uint32_t at)
{
	const struct virtio_vector *e = &v->vector[at / 16];

	switch (at & 15) {
	case 0:
		return (uint32_t)e->addr;
	case 4:
		return (uint32_t)(e->addr >> 32);
	case 8:
		return e->data;
	default:
		return e->control;
	}
}

static void table_write(struct virtio *v, uint32_t at, uint32_t value)
{
	struct virtio_vector *e = &v->vector[at / 16];

	switch (at & 15) {
	case 0:
		e->addr = (e->addr & UINT64_MAX << 32) | (value & ~3u);
		break;
	case 4:
		e->addr = (uint32_t)e->addr | (uint64_t)value << 32;
		break;
	case 8:
		e->data = value;
		break;
	default:
		e->control = value & 1;
		send_pending(v);
		break;
	}
}

/* --- common configuration --- */

static struct virtq *selected(struct virtio *v)
{
	return v->queue_select < v->queues ? &v->queue[v->queue_select] : NULL;
}

static uint32_t half(uint64_t bits, uint32_t select)
{
	return select < 2 ? (uint32_t)(bits >> 32 * select) : 0;
}

static uint32_t queue_read(const struct virtq *q, uint32_t offset)
{
	switch (offset) {
	case QUEUE_SIZE:
		return q->size;
	case QUEUE_VECTOR:
		return q->vector;
	case QUEUE_ENABLE:
		return q->enabled;
	case QUEUE_DESC:
	case QUEUE_DESC + 4:
		return half(q->desc, (offset & 4) != 0);
	case QUEUE_AVAIL:
	case QUEUE_AVAIL + 4:
		return half(q->avail, (offset & 4) != 0);
	case QUEUE_USED:
	case QUEUE_USED + 4:
		return half(q->used, (offset & 4) != 0);
	default:
		return 0;
	}
}

static uint32_t common_read(struct virtio *v, uint32_t offset)
{
	const struct virtq *q = selected(v);

	switch (offset) {
	case DEVICE_FEATURE_SELECT:
		return v->feature_select;
	case DEVICE_FEATURE:
		return half(v->offered, v->feature_select);
	case DRIVER_FEATURE_SELECT:
		return v->guest_feature_select;
	case DRIVER_FEATURE:
		return half(v->accepted, v->guest_feature_select);
	case CONFIG_VECTOR:
		return v->config_vector;
	case NUM_QUEUES:
		return v->queues;
	case DEVICE_STATUS:
		return v->status;
	case CONFIG_GENERATION:
		return v->generation;
	case QUEUE_SELECT:
		return v->queue_select;
	case QUEUE_NOTIFY_OFF:
		return q != NULL ? v->queue_select : 0;
	default:
		return q != NULL ? queue_read(q, offset) : 0;
	}
}

static void set_half(uint64_t *bits, bool high, uint32_t value)
{
	*bits = high ? (uint32_t)*bits | (uint64_t)value << 32 : (*bits & UINT64_MAX << 32) | value;
}

static void queue_write(struct virtio *v, struct virtq *q, uint32_t offset, uint32_t value)
{
	if (q->enabled && offset != QUEUE_VECTOR)
		return;
	switch (offset) {
	case QUEUE_SIZE:
		if (value != 0 && value <= VIRTQ_MAX && (value & (value - 1)) == 0)
			q->size = (uint16_t)value;
		break;
	case QUEUE_VECTOR:
		q->vector = (uint16_t)(value < VIRTIO_VECTORS ? value : NO_VECTOR);
		break;
	case QUEUE_ENABLE:
		q->event_idx = v->accepted & VIRTIO_F_EVENT_IDX;
		if (value == 1)
			virtq_enable(q, v->gm);
		break;
	case QUEUE_DESC:
	case QUEUE_DESC + 4:
		set_half(&q->desc, offset & 4, value);
		break;
	case QUEUE_AVAIL:
	case QUEUE_AVAIL + 4:
		set_half(&q->avail, offset & 4, value);
		break;
	case QUEUE_USED:
	case QUEUE_USED + 4:
		set_half(&q->used, offset & 4, value);
		break;
	default:
		break;
	}
}

static void write_status(struct virtio *v, uint8_t value)
{
	bool acceptable = (v->accepted & ~v->offered) == 0 && (v->accepted & VIRTIO_F_VERSION_1);

	if (value == 0) {
		reset(v);
		v->ops->reset(v);
		return;
	}
	if ((value & STATUS_FEATURES_OK) && !(v->status & STATUS_FEATURES_OK) && !acceptable)
		value &= (uint8_t)~STATUS_FEATURES_OK;
	v->status = value;
}

static void common_write(struct virtio *v, uint32_t offset, uint32_t value)
{
	struct virtq *q = selected(v);

	switch (offset) {
	case DEVICE_FEATURE_SELECT:
		v->feature_select = value;
		break;
	case DRIVER_FEATURE_SELECT:
		v->guest_feature_select = value;
		break;
	case DRIVER_FEATURE:
		if (v->guest_feature_select < 2 && !(v->status & STATUS_FEATURES_OK))
			set_half(&v->accepted, v->guest_feature_select, value);
		break;
	case CONFIG_VECTOR:
		v->config_vector = (uint16_t)(value < VIRTIO_VECTORS ? value : NO_VECTOR);
		break;
	case DEVICE_STATUS:
		write_status(v, (uint8_t)value);
		break;
	case QUEUE_SELECT:
		v->queue_select = (uint16_t)value;
		break;
	default:
		if (q != NULL)
			queue_write(v, q, offset, value);
		break;
	}
}

/* --- BARs --- */

static uint32_t config_read(const struct virtio *v, uint32_t at, unsigned size)
{
	uint32_t value = 0;

	if (at < v->config_size && size <= v->config_size - at)
		memcpy(&value, (const uint8_t *)v->config + at, size);
	return value;
}

uint32_t virtio_read(struct virtio *v, uint32_t offset, unsigned size)
{
	uint32_t mask = size == 4 ? UINT32_MAX : (UINT32_C(1) << 8 * size) - 1;

	if (offset < COMMON_SIZE)
		return common_read(v, offset) & mask;
	if (offset >= OFF_DEVICE && offset < OFF_DEVICE + REGION)
		return config_read(v, offset - OFF_DEVICE, size);
	if (offset >= OFF_TABLE && offset < OFF_TABLE + 16 * VIRTIO_VECTORS && offset % 4 == 0)
		return table_read(v, offset - OFF_TABLE) & mask;
	return offset == OFF_PENDING ? v->pending & mask : 0;
}

void virtio_write(struct virtio *v, uint32_t offset, unsigned size, uint32_t value)
{
	if (offset < COMMON_SIZE)
		common_write(v, offset, value);
	else if (offset >= OFF_TABLE && offset < OFF_TABLE + 16 * VIRTIO_VECTORS &&
		 offset % 4 == 0 && size == 4)
		table_write(v, offset - OFF_TABLE, value);
}

void virtio_notify(struct virtio *v, uint32_t offset)
{
	unsigned q = offset / NOTIFY_STEP;

	if (q < v->queues && virtio_live(v))
		v->ops->notify(v, q);
}

/* --- the window of capability CFG_PCI onto the BARs --- */

struct window {
	uint8_t bar;
	uint32_t offset, length;
};

static bool window(const struct virtio *v, unsigned at, struct window *w)
{
	unsigned data = v->window_cap + CAP_SIZE;

	w->bar = v->pci.cfg[v->window_cap + 4];
	w->offset = pci_get32(&v->pci, v->window_cap + 8u);
	w->length = pci_get32(&v->pci, v->window_cap + 12u);
	if (at < data || at >= data + 4 || w->bar > 1)
		return false;
	return (w->length == 1 || w->length == 2 || w->length == 4) && w->offset % w->length == 0 &&
	       w->offset < VIRTIO_BAR_SIZE;
}

static void window_read(void *dev, unsigned at, unsigned size)
{
	struct virtio *v = dev;
	struct window w;

	(void)size;
	if (window(v, at, &w) && w.bar == 0)
		pci_set(v->pci.cfg + v->window_cap + CAP_SIZE, 4,
			virtio_read(v, w.offset, w.length));
}

static void config_written(void *dev, unsigned at, unsigned size)
{
	struct virtio *v = dev;
	struct window w;

	if (at <= v->msix_cap + 3u && at + size > v->msix_cap + 3u)
		send_pending(v);
	if (!window(v, at, &w))
		return;
	if (w.bar == 0)
		virtio_write(v, w.offset, w.length,
			     pci_get32(&v->pci, v->window_cap + (unsigned)CAP_SIZE));
	else
		virtio_notify(v, w.offset);
}

void virtio_state(struct state *s, struct virtio *v)
{
	state_section(s, 0x54524956, 2); /* "VIRT" */
	state_u64(s, &v->accepted);
	state_u32(s, &v->feature_select);
	state_u32(s, &v->guest_feature_select);
	state_u16(s, &v->config_vector);
	state_u16(s, &v->queue_select);
	state_u8(s, &v->status);
	state_u8(s, &v->generation);
	state_u32(s, &v->pending);
	for (unsigned i = 0; i < VIRTIO_QUEUES; i++)
		virtq_state(s, &v->queue[i]);
	for (unsigned i = 0; i < VIRTIO_VECTORS; i++) {
		state_u64(s, &v->vector[i].addr);
		state_u32(s, &v->vector[i].data);
		state_u32(s, &v->vector[i].control);
	}
}
