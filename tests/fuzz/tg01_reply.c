/* The first byte says which op the reply is to, or 0x80 and 0x81 for the feed. A client must survive any server. Laws:
 * what was read is within its bounds, a line is one that can be looked up in, and what can be written again reads back.
 */
#include "proto/tg01.h"

#include "proto/tg01_line.h"

#include "fuzz.h"

static uint8_t out[TG01_MESSAGE_MAX];

static void check_line(const struct tg01_line *l) {
	FUZZ_MUST(l->count <= TG01_STEPS_MAX);
	for (unsigned i = 0; i < l->count; i++) {
		FUZZ_MUST(l->steps[i].tier.len > 0 && l->steps[i].grant_count <= TIERS_MAX);
		FUZZ_MUST(i == 0 || l->steps[i].from > l->steps[i - 1].from);
		const struct tg01_step *at = tg01_line_at(l, l->steps[i].from);
		FUZZ_MUST(at == &l->steps[i] || (l->until && !at));
	}
}

static void check_change(const struct tg01_change *c) {
	FUZZ_MUST(c->sub.len > 0 && c->sub.len <= SUBJECT_MAX);
	check_line(&c->line);
}

static void check_profile(struct tg01_decoder *d, const struct tg01_reply *r) {
	struct tg01_reply back;
	check_line(&r->of.profile.line);
	FUZZ_MUST(r->of.profile.customer_count <= TG01_CUSTOMERS_MAX);
	struct writer w = writer_of(out, sizeof out);
	tg01_profile_write(&w, &r->id, &r->source, &r->of.profile);
	const uint64_t ver = r->source.ver;
	const unsigned steps = r->of.profile.line.count;
	if (w.failed) return; /* it had names that are shorter written than read */
	FUZZ_MUST(tg01_reply_read(d, TG01_GET, writer_view(&w), &back, NULL) == OK);
	FUZZ_MUST(back.source.ver == ver && back.of.profile.line.count == steps);
}

static void check_page(const struct tg01_reply *r) {
	FUZZ_MUST(r->of.page.count <= TG01_PAGE_MAX);
	for (unsigned i = 0; i < r->of.page.count; i++) check_line(&r->of.page.subjects[i].line);
}

static void check_catalog(const struct tg01_catalog *c) {
	FUZZ_MUST(c->feat_count <= FEATURES_MAX && c->tier_count > 0 && c->tier_count <= TIERS_MAX);
}

static void read_reply(struct tg01_decoder *d, enum tg01_op op, struct view m) {
	struct tg01_reply r;
	if (tg01_reply_read(d, op, m, &r, NULL) != OK) return;
	if (r.failed) {
		FUZZ_MUST(r.code < TG01_CODE_COUNT && r.code_name.len > 0);
		return;
	}
	if (op == TG01_BATCH) FUZZ_MUST(r.of.batch.count <= TG01_BATCH_MAX);
	if (op == TG01_SINCE) FUZZ_MUST(r.of.since.count <= TG01_SINCE_MAX);
	for (unsigned i = 0; op == TG01_SINCE && i < r.of.since.count; i++) check_change(&r.of.since.changes[i]);
	if (op == TG01_PAGE) check_page(&r);
	if (op == TG01_CATALOG) check_catalog(&r.of.catalog);
	if (op == TG01_GET) check_profile(d, &r);
	if (op == TG01_CHECK) FUZZ_MUST(r.of.answer.ttl <= TG01_TTL_MAX && r.of.answer.reason.len > 0);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
	static struct tg01_decoder *d;
	if (!d && !(d = tg01_decoder_create())) return 0;
	if (size == 0) return 0;
	struct view m = view_of(data + 1, size - 1);
	uint64_t epoch, number;
	struct tg01_change c;
	struct tg01_heartbeat h;
	(void)!tg01_reply_number(m, &number);
	switch (data[0]) {
	case 0x80:
		if (tg01_feed_change_read(d, m, &epoch, &c, NULL) == OK) check_change(&c);
		break;
	case 0x81:
		(void)!tg01_feed_heartbeat_read(d, m, &h, NULL);
		break;
	default:
		read_reply(d, (enum tg01_op)(data[0] % TG01_OP_COUNT), m);
		break;
	}
	return 0;
}
