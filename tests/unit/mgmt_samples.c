// SPDX-License-Identifier: Apache-2.0
#include <stdio.h>
#include <string.h>
#include "mgmt/proto/keys.h"
#include "tests/unit/mgmt_samples.h"

static uint8_t bytes[4096];

static struct span span(size_t n)
{
	return (struct span){ bytes, n };
}

static struct span sample_key(const uint8_t id[16])
{
	static uint8_t block[sizeof(struct wrapped_key) + TVD_KEY_PUBLIC + 64 + 68];
	struct wrapped_key head = { .magic = WRAPPED_MAGIC,
				    .version = WRAPPED_VERSION,
				    .public_size = TVD_KEY_PUBLIC,
				    .duplicate_size = 64,
				    .seed_size = 68 };

	memcpy(head.tvd_id, id, sizeof(head.tvd_id));
	memcpy(block, &head, sizeof(head));
	return (struct span){ block, sizeof(block) };
}

static struct span sample_approval(void)
{
	static struct approval a = { .magic = APPROVAL_MAGIC,
				     .version = APPROVAL_VERSION,
				     .kind = APPROVAL_TVD,
				     .pcr_mask = APPROVAL_PCR_MASK,
				     .release = "r1" };

	return (struct span){ (uint8_t *)&a, sizeof(a) };
}

struct state *sample_state(void)
{
	static struct state s;

	memset(&s, 0, sizeof(s));
	s.version = STATE_VERSION;
	s.epoch = 7;
	s.tvd_count = 1;
	s.tvds[0] = (struct state_tvd){ .id = "tvd-0123456789a", .name = "blue" };
	s.tvds[0].key = sample_key(s.tvds[0].id);
	s.tvds[0].approvals = sample_approval();
	s.image_count = 2;
	for (unsigned i = 0; i < 2; i++) {
		memcpy(s.images[i].tvd, s.tvds[0].id, 16);
		memset(s.images[i].digest, (int)i + 1, 32);
		s.images[i].size = 1000000 + i;
	}
	s.vm_count = 1;
	s.vms[0] = (struct state_vm){ .id = "vm-0123456789ab",
				      .name = "web",
				      .mem_mib = 256,
				      .cpus = 1,
				      .cmdline = "console=ttyS0",
				      .volume = "vol-0123456789a",
				      .blocks = 16384,
				      .run = 1 };
	memcpy(s.vms[0].tvd, s.tvds[0].id, 16);
	memcpy(s.vms[0].kernel, s.images[0].digest, 32);
	memcpy(s.vms[0].initrd, s.images[1].digest, 32);
	return &s;
}

static struct tmc_status *sample_status(void)
{
	static struct tmc_status s = { .epoch = 7, .sequence = 300, .count = 2 };

	s.items[0] = (struct tmc_status_item){ "tvd", "blue", "open", "" };
	s.items[1] = (struct tmc_status_item){ "vm", "web", "running", "restarted 2 times" };
	return &s;
}

static struct binding *sample_binding(void)
{
	static struct binding b = { .version = 1,
				    .server_id = "server-01234567",
				    .server_name = "s1",
				    .ip = { 10, 0, 2, 2 },
				    .port = 7443 };

	b.tls_spki = span(91);
	b.ca_cert = span(400);
	return &b;
}

const struct sample *samples(size_t *count)
{
	static struct tmc_challenge challenge = { { 1, 2, 3 } };
	static struct tmc_evidence evidence = { .boot_id = UINT64_MAX,
						.disk = TMC_DISK_SEALED,
						.disk_text = "PCR 11 differs" };
	static struct tmc_offer offer;
	static struct tmc_credential credential;
	static struct tmc_activated activated;
	static struct tmc_bind bind;
	static struct tmc_bound bound;
	static struct tmc_result result = { .utc = 1790000000 };
	static struct tmc_refuse refuse = { "PCR 4: another loader" };
	static struct tmc_command command = { .sequence = 65536, .kind = TMC_SET_STATE };
	static struct tmc_answer answer = { .sequence = 23, .accepted = 1, .text = "committed" };
	static struct tmc_sealed sealed = { .tvd = 1, .type = 2, .id = 24, .arg = 256 };
	static struct signed_state signed_state;
	static struct sample list[] = {
		{ "challenge", &tmc_challenge_schema, &challenge },
		{ "evidence", &tmc_evidence_schema, &evidence },
		{ "offer", &tmc_offer_schema, &offer },
		{ "credential", &tmc_credential_schema, &credential },
		{ "activated", &tmc_activated_schema, &activated },
		{ "bind", &tmc_bind_schema, &bind },
		{ "bound", &tmc_bound_schema, &bound },
		{ "result", &tmc_result_schema, &result },
		{ "refuse", &tmc_refuse_schema, &refuse },
		{ "command", &tmc_command_schema, &command },
		{ "answer", &tmc_answer_schema, &answer },
		{ "sealed", &tmc_sealed_schema, &sealed },
		{ "signed_state", &signed_state_schema, &signed_state },
		{ "status", &tmc_status_schema, NULL },
		{ "binding", &binding_schema, NULL },
		{ "state", &state_schema, NULL },
	};

	*count = sizeof(list) / sizeof(list[0]);
	for (unsigned i = 0; i < sizeof(bytes); i++)
		bytes[i] = (uint8_t)(i * 7);
	evidence.ak = evidence.quote = evidence.signature = span(120);
	evidence.boot_log = span(sizeof(bytes));
	offer.ek_cert = offer.ek = offer.srk = span(300);
	credential.blob = credential.secret = span(256);
	bind.approvals = span(240);
	command.body = sealed.payload = signed_state.document = span(3000);
	list[13].object = sample_status();
	list[14].object = sample_binding();
	list[15].object = sample_state();
	return list;
}
