# SPDX-License-Identifier: Apache-2.0
$(eval $(call component,pci,drivers/pci/main.c drivers/pci/caps.c))
$(eval $(call unit_test,pci_caps,tests/unit/pci_caps.c drivers/pci/caps.c))
