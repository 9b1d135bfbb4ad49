# SPDX-License-Identifier: Apache-2.0
# uplink with the lwIP of the server as a Linux process, and what its tests need.

UPLINK_SRCS := services/uplink/main.c services/uplink/stream.c
LWIP_PARTS := $(addprefix core/,def.c inet_chksum.c init.c ip.c mem.c memp.c netif.c pbuf.c sys.c tcp.c tcp_in.c \
	tcp_out.c timeouts.c udp.c ipv4/dhcp.c ipv4/etharp.c ipv4/ip4.c ipv4/ip4_addr.c) netif/ethernet.c
LWIP_SRCS := $(addprefix $(DEPS)/src/lwip/src/,$(LWIP_PARTS))
$(foreach s,$(LWIP_SRCS),$(eval CFLAGS_$(s) := -w))
$(LWIP_SRCS): $(DEPS_DONE) ;

$(eval $(call hosted_component,uplink_lwip,$(UPLINK_SRCS) $(LWIP_SRCS),$(LWIP_INCLUDES)))
$(eval $(call hosted_component,tap,tests/uplink/tap.c))
$(eval $(call hosted_component,tcp_client,tests/uplink/client.c tests/uplink/bulk.c))
$(eval $(call component,mover,tests/uplink/mover.c tests/uplink/bulk.c))

# lwIP's heap can run out here (world_short_of_memory()).
UPLINK_TEST_SRCS := tests/uplink/world.c tests/uplink/peer.c services/uplink/stream.c $(LWIP_SRCS)
UPLINK_TEST_CFLAGS := $(LWIP_INCLUDES) -Dmalloc=world_malloc -DMEMP_OVERFLOW_CHECK=1
$(eval $(call unit_test,uplink,tests/unit/uplink.c $(UPLINK_TEST_SRCS),$(UPLINK_TEST_CFLAGS)))
$(eval $(call fuzz_target,uplink,tests/fuzz/uplink.c $(UPLINK_TEST_SRCS),$(UPLINK_TEST_CFLAGS)))
