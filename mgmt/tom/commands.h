// SPDX-License-Identifier: Apache-2.0
/* The commands of `tom`. Each returns an enum tom_exit. */
#pragma once
#include "mgmt/tom/args.h"
#include "mgmt/tom/tom.h"

int cmd_init(struct tom *t, struct args *a);
int cmd_release_add(struct tom *t, struct args *a);
int cmd_release_list(struct tom *t, struct args *a);
int cmd_server_add(struct tom *t, struct args *a);
int cmd_server_list(struct tom *t, struct args *a);
int cmd_server_show(struct tom *t, struct args *a);
int cmd_server_bind(struct tom *t, struct args *a);
int cmd_server_update(struct tom *t, struct args *a);
int cmd_server_allow_no_iommu(struct tom *t, struct args *a);
int cmd_tvd_create(struct tom *t, struct args *a);
int cmd_tvd_list(struct tom *t, struct args *a);
int cmd_image_add(struct tom *t, struct args *a);
int cmd_image_list(struct tom *t, struct args *a);
int cmd_vm_create(struct tom *t, struct args *a);
int cmd_vm_start(struct tom *t, struct args *a);
int cmd_vm_stop(struct tom *t, struct args *a);
int cmd_vm_list(struct tom *t, struct args *a);
int cmd_vm_console(struct tom *t, struct args *a);
/* Makes the next epoch, sends it, waits up to `seconds` until the server has reached it. */
int config_push(struct tom *t, const char *server, int64_t seconds);
int cmd_config_push(struct tom *t, struct args *a);
int cmd_config_show(struct tom *t, struct args *a);
int cmd_evidence_show(struct tom *t, struct args *a);
int cmd_evidence_verify(struct tom *t, struct args *a);
int cmd_daemon(struct tom *t, struct args *a);
