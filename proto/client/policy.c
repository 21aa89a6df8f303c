#include "private.h"

#include <stdio.h>

enum tg_status tgc_outage(struct tg_client *c, const struct tg_question *q, enum tg_error error, const char *why,
			  struct tg_answer *ret_a) {
	const struct policy *p = tgc_policy(&c->settings, q->tier ? q->tier : q->feature);
	struct sight s;
	tgc_answer_empty(ret_a);
	if (p->outage == TG_LAST_KNOWN && tgc_sight_old(&c->truth, q->subject, &s) &&
	    (p->max_age_ms == 0 || s.age_ms <= p->max_age_ms) &&
	    tgc_sight_check(&c->truth, &s, q->tier, q->feature, ret_a)) {
		ret_a->source = TG_FROM_LAST_KNOWN;
		ret_a->stale = true;
	} else {
		ret_a->source = TG_FROM_POLICY;
		ret_a->allowed = p->outage == TG_ALLOW;
	}
	ret_a->error = error;
	(void)snprintf(ret_a->why, sizeof ret_a->why, "%s", why);
	COUNT(c, fallbacks);
	return TG_FALLBACK;
}
