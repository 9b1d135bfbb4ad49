# SPDX-License-Identifier: Apache-2.0
# Formats of the management channel, shared by the TOM and the server; no allocation, no system calls.
PROTO_SRCS := $(addprefix mgmt/proto/,cbor.c schema.c frame.c binding.c msg.c signed.c state.c state_check.c keys.c)
# What the server's end adds.
PROTO_SERVER_SRCS := $(PROTO_SRCS) mgmt/proto/operator.c
