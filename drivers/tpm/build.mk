# SPDX-License-Identifier: Apache-2.0
$(eval $(call component,tpm_drv,drivers/tpm/main.c drivers/tpm/chip.c drivers/tpm/crb.c drivers/tpm/tis.c))
