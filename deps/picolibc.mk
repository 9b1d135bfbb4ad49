# SPDX-License-Identifier: Apache-2.0
# picolibc: one thread, plain global errno. The runtime provides sbrk, _exit, stdout and stderr.

LIBC := $(DEPS)/picolibc/lib/libc.a
LIBRARIES += $(LIBC)

PICO_CROSS := $(O)/picolibc-cross.txt
PICO_OPTIONS := --buildtype=plain -Dmultilib=false -Dspecsdir=none -Dtests=false -Dpicocrt=false \
	-Dpicolib=false -Dsemihost=false -Dfreestanding=true -Dthread-local-storage=false \
	-Dnewlib-global-errno=true -Dio-long-long=true -Dnewlib-nano-malloc=false \
	-Dsingle-thread=true -Dposix-console=false

meson_list = $(foreach w,$(1),'$(w)'$(comma))
comma := ,

$(PICO_CROSS): deps/picolibc.mk $(DEPS)/.flags
	@mkdir -p $(@D)
	@{ echo "[binaries]"; \
	echo "c = ['gcc', $(call meson_list,$(BARE)) '-static', '-nostdlib']"; \
	echo "ar = 'ar'"; echo "nm = 'nm'"; echo "strip = 'strip'"; echo "objcopy = 'objcopy'"; \
	echo "[host_machine]"; echo "system = 'none'"; echo "cpu_family = 'x86_64'"; \
	echo "cpu = 'x86_64'"; echo "endian = 'little'"; \
	echo "[properties]"; echo "skip_sanity_check = true"; echo "needs_exe_wrapper = true"; } >$@

$(LIBC): $(PICO_CROSS) $(S)/picolibc.from
	$(call note,MESON,picolibc)
	@rm -rf $(O)/picolibc $(DEPS)/picolibc
	@$(PYTHON) /usr/bin/meson setup $(O)/picolibc $(S)/picolibc --cross-file $(PICO_CROSS) \
		--prefix=$(abspath $(DEPS)/picolibc) $(PICO_OPTIONS) \
		-Dc_args="$(filter -O2 -g0 -ffunction-sections -fdata-sections -w,$(LIBRARY_FLAGS))" \
		>$(O)/picolibc.log 2>&1 || { cat $(O)/picolibc.log; exit 1; }
	@ninja -C $(O)/picolibc install >>$(O)/picolibc.log 2>&1 || { tail -40 $(O)/picolibc.log; exit 1; }
	@touch $@
