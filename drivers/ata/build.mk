# SPDX-License-Identifier: Apache-2.0
$(eval $(call component,ata,drivers/ata/main.c drivers/ata/ata.c drivers/ata/bus.c))
$(eval $(call unit_test,ata,tests/unit/ata.c drivers/ata/ata.c))
