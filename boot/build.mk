# SPDX-License-Identifier: Apache-2.0
# UEFI loader (boot/loader) as images without a bundle: build/boot/loader.efi and, for the laboratory, lab_loader.efi.

GNUEFI ?= /usr
LOADER_COMMON := $(wildcard boot/loader/*.c) boot/bundle.c boot/eventlog.c
# The release's loader takes the TPM from the firmware; the laboratory's brings what its emulator's firmware lacks.
LOADER_OBJS := $(call objs,loader,$(LOADER_COMMON) $(wildcard boot/loader/release/*.c))
LAB_LOADER_OBJS := $(call objs,loader,$(LOADER_COMMON) $(wildcard boot/loader/lab/*.c))
LOADER_CFLAGS := $(if $(CC_IS_CLANG),--target=x86_64-none-elf) -march=x86-64 -ffreestanding -fpic -fshort-wchar \
	-fno-stack-protector -fcf-protection=none -fno-asynchronous-unwind-tables \
	-mno-red-zone -mgeneral-regs-only -fvisibility=hidden -DGNU_EFI_USE_MS_ABI -std=gnu17 -O2 -g $(WARN) $(REPRO) \
	-I. -I$(BUILD)/gen -nostdinc -isystem $(CC_INCLUDE) -isystem $(GNUEFI)/include/efi -isystem $(GNUEFI)/include/efi/x86_64
LOADER_LIB := $(GNUEFI)/lib
# Sections of the loaded image; the debug sections stay behind.
LOADER_KEEP := .text .data .dynamic .dynsym .rela .reloc

$(sort $(LOADER_OBJS) $(LAB_LOADER_OBJS)): $(BUILD)/obj/loader/%.o: %.c $(BUILD)/.flags | gen
	@mkdir -p $(@D)
	$(call quiet,EFICC,$<) $(CC) $(LOADER_CFLAGS) -MMD -MP -c -o $@ $<

$(BUILD)/boot/loader.so: $(LOADER_OBJS)
$(BUILD)/boot/lab_loader.so: $(LAB_LOADER_OBJS)
$(BUILD)/boot/loader.so $(BUILD)/boot/lab_loader.so:
	@mkdir -p $(@D)
	$(call quiet,LD,$@) $(LD) -shared -Bsymbolic -z noexecstack --no-undefined --build-id=none \
		-T $(LOADER_LIB)/elf_x86_64_efi.lds -o $@ $(LOADER_LIB)/crt0-efi-x86_64.o $^ \
		-L$(LOADER_LIB) -lgnuefi

$(BUILD)/boot/loader.efi $(BUILD)/boot/lab_loader.efi: %.efi: %.so
	$(call quiet,OBJCOPY,$@) $(OBJCOPY) --strip-all $(addprefix -j ,$(LOADER_KEEP)) \
		--target efi-app-x86_64 --subsystem=10 $< $@

# A bootable image from parts: $(call boot_image,NAME,OPTIONS of mkbundle.py,NAME=FILE of each part in order)
# gives build/NAME.efi, build/NAME.img (boot medium) and build/NAME.json (reference values).
# lab_image is the same with the laboratory's loader.
BOOT_TOOLS := $(wildcard boot/*.py)
boot_image = $(call image_rules,$(1),$(2),$(3),loader,)
lab_image = $(call image_rules,$(1),$(2),$(3),lab_loader,--lab)
# $(1) to $(3) as above, $(4) loader, $(5) option of release.py
define image_rules
$(BUILD)/$(1).efi: $(BUILD)/boot/$(4).efi $(foreach p,$(3),$(lastword $(subst =, ,$(p)))) $(BOOT_TOOLS)
	@mkdir -p $$(@D)
	$$(call quiet,BUNDLE,$$@) $$(PYTHON) boot/mkbundle.py --loader $$< --out $$@ $(2) $(3)
$(BUILD)/$(1).img: $(BUILD)/$(1).efi
	$$(call quiet,IMAGE,$$@) $$(PYTHON) boot/mkimg.py --out $$@ $$<
$(BUILD)/$(1).json: $(BUILD)/$(1).efi
	$$(call quiet,RELEASE,$$@) $$(PYTHON) boot/release.py make $(5) $$< --out $$@
endef

# NAME=FILE of the components that a system manifest (TOML) names, in its order.
system_parts = $(foreach p,$(shell $(PYTHON) tools/manifest.py parts $(1)),$(p)=$(BUILD)/bin/$(p).elf)

# The product.
$(eval $(call boot_image,redoubt,--kpool 64,kernel=$(BUILD)/bin/kernel.elf manifest=$(BUILD)/manifest.bin \
	$(call system_parts,services/root/system.manifest.toml)))
$(BUILD)/reference.json: $(BUILD)/redoubt.json
	$(call quiet,COPY,$@) cp $< $@

# The same for the laboratory: another loader and another way to the TPM (docs/boot.md), all else byte for byte.
LAB_MANIFEST := services/root/system.manifest.toml+tests/vtx/lab.toml
$(BUILD)/lab_manifest.bin: services/root/system.manifest.toml tests/vtx/lab.toml tools/manifest.py
	@mkdir -p $(@D)
	$(call quiet,GEN,$@) $(PYTHON) tools/manifest.py compile $(LAB_MANIFEST) $@
$(eval $(call lab_image,lab_redoubt,--kpool 64,kernel=$(BUILD)/bin/kernel.elf manifest=$(BUILD)/lab_manifest.bin \
	$(call system_parts,$(LAB_MANIFEST))))

.PHONY: release
release: $(BUILD)/redoubt.efi $(BUILD)/redoubt.img $(BUILD)/reference.json

ALL += $(BUILD)/boot/loader.efi $(BUILD)/boot/lab_loader.efi $(BUILD)/redoubt.img $(BUILD)/reference.json \
	$(BUILD)/lab_redoubt.img $(BUILD)/lab_redoubt.json

BOOT_FORMATS := boot/bundle.c boot/eventlog.c boot/loader/iommu_tables.c boot/loader/pe.c
$(eval $(call unit_test,boot_formats,tests/unit/boot_formats.c $(BOOT_FORMATS) boot/loader/sha256.c boot/loader/mem.c))
$(eval $(call unit_test,boot_iommu,tests/unit/boot_iommu.c boot/loader/iommu_tables.c))
$(eval $(call unit_test,boot_memory,tests/unit/boot_memory.c boot/loader/memmap.c boot/loader/paging.c))
$(eval $(call fuzz_target,boot_formats,tests/fuzz/boot_formats.c $(BOOT_FORMATS)))
