# SPDX-License-Identifier: Apache-2.0
# Redoubt: everything is built by this one make; each directory adds a build.mk fragment.
#
#   make            all programs and images          make check      format, lint, size
#   make test-unit  host tests and fuzz targets      make test-system  whole machines in QEMU
#   make bench      build/bench.json and a table     make release    image and reference values
#
# Variables: CC=gcc|clang  BUILD=<output directory, default build>

CC := $(if $(filter default,$(origin CC)),gcc,$(CC))
BUILD ?= build

.DEFAULT_GOAL := all
.DELETE_ON_ERROR:
.SUFFIXES:

include mk/flags.mk
include mk/rules.mk
include $(sort $(wildcard */build.mk */*/build.mk))
include mk/objects.mk
include mk/check.mk
include mk/goals.mk
