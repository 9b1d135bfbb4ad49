// SPDX-License-Identifier: Apache-2.0
#include "kernel/inc/vm.h"

const struct vm_ops *const vm_vendors[] = { &svm_ops, &vmx_ops, NULL };
