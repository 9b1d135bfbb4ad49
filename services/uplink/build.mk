# SPDX-License-Identifier: Apache-2.0
$(eval $(call component,uplink,services/uplink/main.c services/uplink/stream.c,lwip))
