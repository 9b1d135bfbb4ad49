# SPDX-License-Identifier: Apache-2.0
$(eval $(call component,pci,drivers/pci/main.c drivers/pci/caps.c))
