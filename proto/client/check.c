#include "private.h"

#include <stdio.h>

void tgc_answer_empty(struct tg_answer *a) {
	*a = (struct tg_answer){.reason = "", .tier = "", .status = "", .need = ""};
}

const char *tgc_subject_wrong(const char *subject) {
	size_t n = subject ? strnlen(subject, SUBJECT_MAX + 1) : 0;
	return n >= 1 && n <= SUBJECT_MAX ? NULL : SUBJECT_WRONG;
}

bool tgc_truth_missed(struct tg_client *c) {
	if (!c->settings.feed.count) return false;
	COUNT(c, misses);
	return atomic_load_explicit(&c->truth.live, memory_order_acquire);
}

static enum tg_status end(struct tg_answer *a, const struct request *r) {
	tgc_answer_empty(a);
	a->error = r->error;
	(void)snprintf(a->why, sizeof a->why, "%s", r->why);
	return r->status;
}

static inline bool look(struct tg_client *c, const struct asked *q, struct tg_answer *ret_a) {
	struct key k;
	/* a child of fork() has the table, but nobody who keeps it true */
	if (!c->settings.feed.count || !tgc_is_ours(c)) return false;
	tgc_truth_seek(&c->truth, q, &k);
	return tgc_truth_check(&c->truth, q, &k, tgc_mono_near_ms(&c->truth), c->settings.max_age_ms, ret_a);
}

__attribute__((noinline)) static enum tg_status ask(struct tg_client *c, const struct tg_question *q, const char *wrong,
						    struct tg_answer *ret_a) {
	tgc_answer_empty(ret_a);
	if (wrong) {
		(void)snprintf(ret_a->why, sizeof ret_a->why, "%s", wrong);
		return TG_USAGE;
	}
	struct request r = {.kind = tgc_truth_missed(c) ? ASK_LOOK : ASK_CHECK,
			    .only = -1,
			    .timeout_ms = c->settings.timeout_ms,
			    .subject = q->subject,
			    .tier = q->tier,
			    .feature = q->feature,
			    .answers = ret_a};
	tgc_ask(c, &r);
	if (r.status == TG_OK) return TG_OK;
	return r.status == TG_FALLBACK ? tgc_outage(c, q, r.error, r.why, ret_a) : end(ret_a, &r);
}

enum tg_status tg_check(struct tg_client *c, const char *subject, const char *tier, const char *feature,
			struct tg_answer *ret_a) {
	const struct tg_question q = {subject, tier, feature};
	struct asked asked;
	const char *wrong = tgc_question_wrong(&q, &asked);
	if (!wrong && look(c, &asked, ret_a)) return TG_OK;
	return ask(c, &q, wrong, ret_a);
}
