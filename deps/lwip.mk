# SPDX-License-Identifier: Apache-2.0
# lwIP 2.2: core, IPv4, IPv6, Ethernet; options in deps/lwip/.

LWIP := $(DEPS)/lwip/liblwip.a
LIBRARIES += $(LWIP)

LWIP_SRCS := $(wildcard $(S)/lwip/src/core/*.c $(S)/lwip/src/core/ipv4/*.c \
	$(S)/lwip/src/core/ipv6/*.c) $(S)/lwip/src/netif/ethernet.c
LWIP_INPUTS := $(S)/lwip.from $(wildcard deps/lwip/*.h deps/lwip/arch/*.h) deps/lwip.mk $(DEPS)/.flags

$(O)/lwip/%.o: $(S)/lwip/src/%.c $(LWIP_INPUTS) $(LIBC)
	@mkdir -p $(@D)
	$(call note,CC,lwip/$*.c) gcc -std=gnu17 $(BARE_FLAGS) $(PICO) -Ideps/lwip -I$(S)/lwip/src/include -c -o $@ $<

$(LWIP): $(LWIP_SRCS:$(S)/lwip/src/%.c=$(O)/lwip/%.o)
	$(archive)
