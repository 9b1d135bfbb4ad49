// SPDX-License-Identifier: Apache-2.0
#include "mgmt/proto/binding.h"

static const struct field fields[] = {
	SCHEMA_UINT(1, struct binding, version, BINDING_VERSION),
	SCHEMA_BYTES(2, struct binding, server_id),
	SCHEMA_NAME(3, struct binding, server_name),
	SCHEMA_BYTES(4, struct binding, ip),
	SCHEMA_UINT(5, struct binding, port, UINT16_MAX),
	SCHEMA_SPAN(6, struct binding, tls_spki, SPKI_MAX),
	SCHEMA_SPAN(7, struct binding, ca_cert, CERT_MAX),
	SCHEMA_BYTES(8, struct binding, operator_key),
	SCHEMA_BYTES(9, struct binding, policy_key),
	SCHEMA_BYTES(10, struct binding, token),
};

const struct schema binding_schema = SCHEMA(binding, fields);
