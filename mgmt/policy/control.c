// SPDX-License-Identifier: Apache-2.0
#include <stdio.h>
#include <string.h>
#include "lib/component.h"
#include "mgmt/policy/internal.h"

void control_list(void)
{
	size_t n = 0;

	if (chan_call(policy.ctl, CTL_LIST, 0, NULL, 0, policy.items, sizeof(policy.items), &n) !=
	    CS_OK)
		n = 0;
	policy.item_count = n / sizeof(policy.items[0]);
}

const struct ctl_item *control_find(const char *template_name, uint64_t tag)
{
	for (size_t i = 0; i < policy.item_count; i++) {
		const struct ctl_item *item = &policy.items[i];

		if (item->id.tag == tag && strncmp(item->id.template, template_name, CTL_NAME) == 0)
			return item;
	}
	return NULL;
}

bool control_start(const struct ctl_start *head, const void *args, size_t n)
{
	static uint8_t buf[sizeof(*head) + CTL_MAX_ARG];
	enum chan_status s;

	if (n > CTL_MAX_ARG)
		return false;
	memcpy(buf, head, sizeof(*head));
	memcpy(buf + sizeof(*head), args, n);
	s = chan_call(policy.ctl, CTL_START, 0, buf, sizeof(*head) + n, NULL, 0, NULL);
	if (s != CS_OK && s != CS_EXISTS)
		log_line("%s %s does not start (%d)", head->id.template, head->instance, (int)s);
	return s == CS_OK || s == CS_EXISTS;
}

void control_stop(const char *template_name, uint64_t tag)
{
	struct ctl_id id = { .tag = tag };

	snprintf(id.template, sizeof(id.template), "%s", template_name);
	chan_call(policy.ctl, CTL_STOP, 0, &id, sizeof(id), NULL, 0, NULL);
}
