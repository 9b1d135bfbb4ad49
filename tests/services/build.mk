# SPDX-License-Identifier: Apache-2.0
# Clients of drivers and services, for the system tests: hosted and as parts of laboratory images.

$(eval $(call hosted_component,client,tests/services/client.c))
$(eval $(call hosted_component,sleeper,tests/services/sleeper.c))
$(eval $(call component,client,tests/services/client.c))
$(eval $(call component,sleeper,tests/services/sleeper.c))
