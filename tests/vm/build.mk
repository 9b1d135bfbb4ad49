# SPDX-License-Identifier: Apache-2.0
# Tests of the virtualisation part of the kernel.

$(eval $(call unit_test,vcpu_state,tests/vm/vcpu_state.c kernel/src/x86_64/state_svm.c kernel/src/x86_64/exit_svm.c))
