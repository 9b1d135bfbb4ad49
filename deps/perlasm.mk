# SPDX-License-Identifier: Apache-2.0
# OpenSSL's assembly generators: AES-NI (CTR, XTS), GHASH, one-pass GCM, SHA-256, SHA-512. No C of it.

PERLASM := $(DEPS)/perlasm/libperlasm.a
LIBRARIES += $(PERLASM)

PERLASM_OBJS := $(addprefix $(O)/perlasm/,aesni.o ghash.o aesni-gcm.o sha256.o sha512.o)

$(O)/perlasm/aesni.s: PL = aes/asm/aesni-x86_64.pl
$(O)/perlasm/ghash.s: PL = modes/asm/ghash-x86_64.pl
$(O)/perlasm/aesni-gcm.s: PL = modes/asm/aesni-gcm-x86_64.pl
$(O)/perlasm/sha256.s: PL = sha/asm/sha512-x86_64.pl
$(O)/perlasm/sha512.s: PL = sha/asm/sha512-x86_64.pl

# The generator takes the hash from the digits in the output's name, so the directory must hold none.
$(O)/perlasm/%.s: deps/perlasm.mk $(S)/openssl.from
	@mkdir -p $(@D)
	$(call note,PERLASM,$*) cd $(@D) && CC=gcc perl $(abspath $(S))/openssl/crypto/$(PL) elf $(@F)

$(O)/perlasm/%.o: $(O)/perlasm/%.s deps/perlasm.mk
	$(call note,AS,$<) gcc $(REPRO) -Wa,--noexecstack -c -o $@ $<

$(PERLASM): $(PERLASM_OBJS)
	$(archive)
