# SPDX-License-Identifier: Apache-2.0
$(eval $(call component,tpm_drv,drivers/tpm/main.c drivers/tpm/chip.c drivers/tpm/crb.c drivers/tpm/tis.c))
# For the laboratory alone (docs/boot.md, lab loader): never part of a release.
$(eval $(call component,tpm_serial,drivers/tpm/main.c drivers/tpm/serial.c))
