# SPDX-License-Identifier: Apache-2.0
# The TrustedObjects Manager: one Linux program; started as tomd it is the daemon.
TOM_PURE := $(addprefix mgmt/tom/,crypto.c tpm_types.c tpm_make.c verify.c) boot/eventlog.c services/tpm/cel.c $(PROTO_SRCS)
TOM_SRCS := $(addprefix mgmt/tom/,main.c args.c home.c db.c json.c identity.c ek.c tvd_key.c evidence.c server.c decision.c desired.c \
	ctl.c progress.c daemon.c session.c attest.c enrol.c orders.c sealed.c images.c consoles.c clients.c \
	cmd_init.c cmd_release.c cmd_server.c cmd_tenant.c cmd_config.c cmd_console.c cmd_evidence.c) $(TOM_PURE)

$(eval $(call host_prog,tom,$(TOM_SRCS),,-lssl -lcrypto -lsqlite3))

$(BUILD)/host/tomd: $(BUILD)/host/tom
	$(call quiet,LN,$@) ln -sf tom $@
ALL += $(BUILD)/host/tomd

$(eval $(call unit_test,tom_verify,tests/unit/tom_verify.c mgmt/tom/home.c $(TOM_PURE),,-lcrypto))
$(eval $(call fuzz_target,tom_verify,tests/fuzz/tom_verify.c mgmt/tom/home.c $(TOM_PURE),,-lcrypto))
