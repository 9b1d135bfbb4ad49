// SPDX-License-Identifier: Apache-2.0
#include "mgmt/proto/msg.h"

static const struct field challenge[] = {
	SCHEMA_BYTES(1, struct tmc_challenge, nonce),
};
const struct schema tmc_challenge_schema = SCHEMA(tmc_challenge, challenge);

static const struct field evidence[] = {
	SCHEMA_BYTES(1, struct tmc_evidence, server_id),
	SCHEMA_UINT(2, struct tmc_evidence, boot_id, UINT64_MAX),
	SCHEMA_UINT(3, struct tmc_evidence, disk, TMC_DISK_OPEN),
	SCHEMA_TEXT(4, struct tmc_evidence, disk_text),
	SCHEMA_SPAN(5, struct tmc_evidence, ak, 512),
	SCHEMA_SPAN(6, struct tmc_evidence, quote, 1024),
	SCHEMA_SPAN(7, struct tmc_evidence, signature, 512),
	SCHEMA_SPAN(8, struct tmc_evidence, boot_log, TMC_LOG_MAX),
	SCHEMA_SPAN(9, struct tmc_evidence, run_log, TMC_LOG_MAX),
	SCHEMA_UINT(10, struct tmc_evidence, iommu, TMC_IOMMU_MAX),
};
const struct schema tmc_evidence_schema = SCHEMA(tmc_evidence, evidence);

static const struct field offer[] = {
	SCHEMA_SPAN(1, struct tmc_offer, ek_cert, 4096),
	SCHEMA_SPAN(2, struct tmc_offer, ek, 1024),
	SCHEMA_SPAN(3, struct tmc_offer, srk, 512),
	SCHEMA_BYTES(4, struct tmc_offer, token_proof),
};
const struct schema tmc_offer_schema = SCHEMA(tmc_offer, offer);

static const struct field credential[] = {
	SCHEMA_SPAN(1, struct tmc_credential, blob, 512),
	SCHEMA_SPAN(2, struct tmc_credential, secret, 1024),
};
const struct schema tmc_credential_schema = SCHEMA(tmc_credential, credential);

static const struct field activated[] = {
	SCHEMA_BYTES(1, struct tmc_activated, proof),
};
const struct schema tmc_activated_schema = SCHEMA(tmc_activated, activated);

static const struct field bind[] = {
	SCHEMA_BYTES(1, struct tmc_bind, server_id),
	SCHEMA_BYTES(2, struct tmc_bind, binder),
	SCHEMA_SPAN(3, struct tmc_bind, approvals, TMC_APPROVALS_MAX),
	SCHEMA_BYTES(4, struct tmc_bind, signature),
};
const struct schema tmc_bind_schema = SCHEMA(tmc_bind, bind);

static const struct field bound[] = {
	SCHEMA_BYTES(1, struct tmc_bound, disk_id),
};
const struct schema tmc_bound_schema = SCHEMA(tmc_bound, bound);

static const struct field result[] = {
	SCHEMA_BYTES(1, struct tmc_result, binder),
	SCHEMA_UINT(2, struct tmc_result, utc, INT64_MAX),
	SCHEMA_BYTES(3, struct tmc_result, signature),
};
const struct schema tmc_result_schema = SCHEMA(tmc_result, result);

static const struct field refuse[] = {
	SCHEMA_TEXT(1, struct tmc_refuse, text),
};
const struct schema tmc_refuse_schema = SCHEMA(tmc_refuse, refuse);

static const struct field command[] = {
	SCHEMA_UINT(1, struct tmc_command, sequence, INT64_MAX),
	SCHEMA_BYTES(2, struct tmc_command, server_id),
	SCHEMA_UINT(3, struct tmc_command, kind, TMC_APPROVE_DISK),
	SCHEMA_SPAN(4, struct tmc_command, body, TMC_COMMAND_MAX),
	SCHEMA_BYTES(5, struct tmc_command, signature),
};
const struct schema tmc_command_schema = SCHEMA(tmc_command, command);

static const struct field answer[] = {
	SCHEMA_UINT(1, struct tmc_answer, sequence, INT64_MAX),
	SCHEMA_UINT(2, struct tmc_answer, accepted, 1),
	SCHEMA_TEXT(3, struct tmc_answer, text),
};
const struct schema tmc_answer_schema = SCHEMA(tmc_answer, answer);

static const struct field status_item[] = {
	SCHEMA_NAME(1, struct tmc_status_item, kind),
	SCHEMA_NAME(2, struct tmc_status_item, name),
	SCHEMA_NAME(3, struct tmc_status_item, state),
	SCHEMA_TEXT(4, struct tmc_status_item, text),
};
static const struct schema status_item_schema = SCHEMA(tmc_status_item, status_item);

static const struct field status[] = {
	SCHEMA_UINT(1, struct tmc_status, epoch, INT64_MAX),
	SCHEMA_UINT(2, struct tmc_status, sequence, INT64_MAX),
	SCHEMA_LIST(3, struct tmc_status, items, count, TMC_STATUS_ITEMS, &status_item_schema),
};
const struct schema tmc_status_schema = SCHEMA(tmc_status, status);

static const struct field sealed[] = {
	SCHEMA_UINT(1, struct tmc_sealed, tvd, UINT64_MAX),
	SCHEMA_UINT(2, struct tmc_sealed, type, UINT16_MAX),
	SCHEMA_UINT(3, struct tmc_sealed, id, UINT64_MAX),
	SCHEMA_UINT(4, struct tmc_sealed, arg, UINT64_MAX),
	SCHEMA_UINT(5, struct tmc_sealed, status, UINT16_MAX),
	SCHEMA_SPAN(6, struct tmc_sealed, payload, TMC_SEALED_MAX),
};
const struct schema tmc_sealed_schema = SCHEMA(tmc_sealed, sealed);

const struct schema *tmc_schema(uint16_t type)
{
	static const struct schema *const by_type[] = {
		[TMC_CHALLENGE] = &tmc_challenge_schema, [TMC_EVIDENCE] = &tmc_evidence_schema,
		[TMC_OFFER] = &tmc_offer_schema,         [TMC_CREDENTIAL] = &tmc_credential_schema,
		[TMC_ACTIVATED] = &tmc_activated_schema, [TMC_BIND] = &tmc_bind_schema,
		[TMC_BOUND] = &tmc_bound_schema,         [TMC_RESULT] = &tmc_result_schema,
		[TMC_REFUSE] = &tmc_refuse_schema,       [TMC_COMMAND] = &tmc_command_schema,
		[TMC_ANSWER] = &tmc_answer_schema,       [TMC_STATUS] = &tmc_status_schema,
		[TMC_SEALED] = &tmc_sealed_schema,       [TMC_SEALED_ANSWER] = &tmc_sealed_schema,
	};

	return type < sizeof(by_type) / sizeof(by_type[0]) ? by_type[type] : NULL;
}

const char *tmc_iommu_name(uint64_t iommu)
{
	switch (iommu) {
	case TMC_IOMMU_NONE:
		return "none: a driver that is taken over reaches all memory";
	case TMC_IOMMU_VTD:
		return "VT-d, without interrupt remapping";
	case TMC_IOMMU_VTD | TMC_IOMMU_REMAPS:
		return "VT-d, with interrupt remapping";
	case TMC_IOMMU_AMDVI:
		return "AMD-Vi, without interrupt remapping";
	case TMC_IOMMU_AMDVI | TMC_IOMMU_REMAPS:
		return "AMD-Vi, with interrupt remapping";
	default:
		return "of a kind that this TOM does not know";
	}
}
