# SPDX-License-Identifier: Apache-2.0
$(eval $(call component,e1000,drivers/e1000/main.c drivers/e1000/nic.c))
$(eval $(call unit_test,e1000,tests/unit/e1000.c drivers/e1000/nic.c))
