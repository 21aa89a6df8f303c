/* What the tests of ingress share: secrets, bodies, a journal of their own. */
#ifndef TESTS_INGRESS_SUPPORT_H
#define TESTS_INGRESS_SUPPORT_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

#include "net/webhook_secrets.h"
#include "service/clock.h"
#include "store/journal.h"
#include "support/scratch.h"

#define PATIENCE_MS 60000

#define SECRETS                                                                                                        \
	"dev test whsec_0123456789abcdef\n"                                                                            \
	"prod live whsec_fedcba9876543210\n"                                                                           \
	"old live whsec_00000000aaaaaaaa\n"                                                                            \
	"connect live whsec_11111111bbbbbbbb acct_1\n"
enum { DEV, PROD, OLD, CONNECT };

static inline struct webhook_secrets *make_secrets(void) {
	struct webhook_secrets *s = NULL;
	struct problem why = {0};
	if (webhook_secrets_parse(VIEW(SECRETS), &s, &why) != OK) fail_msg("%s", problem_text(&why));
	return s;
}

/* An event of about `size` bytes at least; the length. */
static inline size_t make_event(char *out, size_t room, const char *id, bool livemode, const char *account,
				size_t size) {
	int n = snprintf(out, room,
			 "{\"id\":\"%s\",\"object\":\"event\",\"type\":\"customer.updated\",\"created\":1763800000,"
			 "\"api_version\":\"2025-03-31.basil\",\"livemode\":%s,%s%s%s\"data\":{\"object\":{\"pad\":\"",
			 id, livemode ? "true" : "false", account ? "\"account\":\"" : "", account ? account : "",
			 account ? "\"," : "");
	size_t at = (size_t)n;
	while (at + 8 < size) out[at++] = 'x';
	int m = snprintf(out + at, room - at, "\"}}}");
	assert_true(n > 0 && m > 0 && at + (size_t)m < room);
	return at + (size_t)m;
}

static inline struct record make_record(const char *id, int64_t received_ms, struct view body) {
	return (struct record){.kind = RECORD_WEBHOOK,
			       .received_ms = received_ms,
			       .created = 1763800000,
			       .secret = VIEW("dev"),
			       .id = view_str(id),
			       .type = VIEW("customer.updated"),
			       .body = body};
}

static inline struct journal *open_journal(const struct scratch *s, uint64_t map_size) {
	struct journal *j = NULL;
	struct problem why = {0};
	struct journal_options o = {.dir = s->dir, .origin = 77, .map_size = map_size};
	enum error e = journal_open(&o, &j, &why);
	if (e) fail_msg("%s: %s", error_code(e), problem_text(&why));
	return j;
}

static inline void journal_ends(struct journal *j, uint64_t *ret_first, uint64_t *ret_head) {
	struct journal_reader *r = NULL;
	assert_int_equal(journal_read_begin(j, &r, NULL), OK);
	journal_bounds(r, ret_first, ret_head);
	journal_read_end(&r);
}

#endif
