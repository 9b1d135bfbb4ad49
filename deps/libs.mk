# SPDX-License-Identifier: Apache-2.0
# Third-party libraries, built freestanding below $(DEPS).

DEPS_INCLUDES :=
.PHONY: deps-target
deps-target:
