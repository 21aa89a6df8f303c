#include "private.h"

#include <stdio.h>

enum tg_status tgc_outage(struct tg_client *c, const struct tg_question *q, enum tg_error error, const char *why,
			  struct tg_answer *ret_a) {
	const struct policy *p = tgc_policy(&c->settings, q->tier ? q->tier : q->feature);
	tgc_answer_empty(ret_a);
	ret_a->source = TG_FROM_POLICY;
	ret_a->allowed = p->outage == TG_ALLOW;
	ret_a->error = error;
	(void)snprintf(ret_a->why, sizeof ret_a->why, "%s", why);
	COUNT(c, fallbacks);
	return TG_FALLBACK;
}
