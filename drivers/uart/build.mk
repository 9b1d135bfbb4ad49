# SPDX-License-Identifier: Apache-2.0
$(eval $(call component,uart,drivers/uart/main.c drivers/uart/line.c drivers/uart/budget.c))
$(eval $(call unit_test,uart_line,tests/unit/uart_line.c drivers/uart/line.c drivers/uart/budget.c))
