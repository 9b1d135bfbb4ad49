# SPDX-License-Identifier: Apache-2.0
# Compilers and flags. DEPS (third-party libraries) is always built by gcc and shared by all BUILDs.

DEPS ?= build/deps
HOSTCC ?= gcc
FUZZCC ?= clang-14
LD := ld
AR := ar
OBJCOPY := objcopy
PYTHON := /usr/bin/python3

CC_IS_CLANG := $(findstring clang,$(notdir $(firstword $(CC))))
CC_INCLUDE := $(shell $(CC) -print-file-name=include)
LIBGCC := $(shell gcc -print-libgcc-file-name)

WARN := -Wall -Wextra -Wconversion -Wshadow -Wstrict-prototypes -Wmissing-prototypes -Werror

# The same bytes from any directory.
REPRO := -ffile-prefix-map=$(abspath $(BUILD))=build -ffile-prefix-map=$(abspath $(DEPS))=build/deps \
	-ffile-prefix-map=$(BUILD)/=build/ -ffile-prefix-map=$(DEPS)/=build/deps/ \
	-ffile-prefix-map=$(CURDIR)=. -gno-record-gcc-switches

# Bare x86-64 from a Linux compiler: without __linux__ the libraries take their portable paths.
BARE_GCC := -U__linux__ -U__linux -Ulinux -U__gnu_linux__ -U__unix__ -U__unix -Uunix
BARE_CLANG := --target=x86_64-none-elf
BARE := $(if $(CC_IS_CLANG),$(BARE_CLANG),$(BARE_GCC)) -march=x86-64-v2 -ffreestanding -fno-pic -fno-pie \
	-fcf-protection=none -fno-asynchronous-unwind-tables -fno-stack-protector
COMMON := -std=gnu17 -O2 -g -ffunction-sections -fdata-sections $(WARN) $(REPRO) -I. -I$(BUILD)/gen

# Ring-3 components: picolibc headers, third-party headers as system headers.
TCFLAGS := $(BARE) $(COMMON) -nostdinc -isystem $(DEPS)/picolibc/include -isystem $(CC_INCLUDE)
TLDFLAGS := -static -nostdlib -z noexecstack -z max-page-size=0x1000 --gc-sections --build-id=none \
	-e _start -T linker/component.ld

# Kernel: ring 0, no libc, no vector registers, no red zone.
KCFLAGS := $(filter-out -march=%,$(BARE)) $(COMMON) -march=x86-64 -mcmodel=kernel -mno-red-zone \
	-mgeneral-regs-only -nostdinc -isystem $(CC_INCLUDE)

# Linux programs and host tests.
HCFLAGS := -std=gnu17 -D_GNU_SOURCE -O2 -g $(WARN) $(REPRO) -I. -I$(BUILD)/gen
SANITIZE := -fsanitize=address,undefined -fno-sanitize-recover=all -fno-omit-frame-pointer
