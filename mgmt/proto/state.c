// SPDX-License-Identifier: Apache-2.0
#include "mgmt/proto/state.h"

static const struct field tvd[] = {
	SCHEMA_BYTES(1, struct state_tvd, id),
	SCHEMA_NAME(2, struct state_tvd, name),
	SCHEMA_SPAN(3, struct state_tvd, key, 1024),
	SCHEMA_SPAN(4, struct state_tvd, approvals, 2048),
};
static const struct schema tvd_schema = SCHEMA(state_tvd, tvd);

static const struct field image[] = {
	SCHEMA_BYTES(1, struct state_image, tvd),
	SCHEMA_BYTES(2, struct state_image, digest),
	SCHEMA_UINT(3, struct state_image, size, UINT32_MAX),
};
static const struct schema image_schema = SCHEMA(state_image, image);

static const struct field vm[] = {
	SCHEMA_BYTES(1, struct state_vm, id),
	SCHEMA_NAME(2, struct state_vm, name),
	SCHEMA_BYTES(3, struct state_vm, tvd),
	SCHEMA_UINT(4, struct state_vm, mem_mib, STATE_MEM_MAX),
	SCHEMA_UINT(5, struct state_vm, cpus, STATE_CPUS_MAX),
	SCHEMA_BYTES(6, struct state_vm, kernel),
	SCHEMA_BYTES(7, struct state_vm, initrd),
	SCHEMA_TEXT(8, struct state_vm, cmdline),
	SCHEMA_BYTES(9, struct state_vm, volume),
	SCHEMA_UINT(10, struct state_vm, blocks, STATE_BLOCKS_MAX),
	SCHEMA_UINT(11, struct state_vm, run, 1),
};
static const struct schema vm_schema = SCHEMA(state_vm, vm);

static const struct field state[] = {
	SCHEMA_UINT(1, struct state, version, STATE_VERSION),
	SCHEMA_BYTES(2, struct state, server_id),
	SCHEMA_UINT(3, struct state, epoch, INT64_MAX),
	SCHEMA_LIST(4, struct state, tvds, tvd_count, STATE_TVDS, &tvd_schema),
	SCHEMA_LIST(5, struct state, images, image_count, STATE_IMAGES, &image_schema),
	SCHEMA_LIST(6, struct state, vms, vm_count, STATE_VMS, &vm_schema),
	SCHEMA_UINT(7, struct state, allow_no_iommu, 1),
};
const struct schema state_schema = SCHEMA(state, state);

static const struct field signed_fields[] = {
	SCHEMA_SPAN(1, struct signed_state, document, STATE_MAX),
	SCHEMA_BYTES(2, struct signed_state, signature),
};
const struct schema signed_state_schema = SCHEMA(signed_state, signed_fields);
