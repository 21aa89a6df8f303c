#include "webhook.h"

enum error webhook_judge(const struct webhook_secrets *secrets, const struct webhook_delivery *d,
			 struct record *ret_record, int *ret_secret, struct problem *why) {
	if (d->signature_count == 0) return ERR_NO_SIGNATURE;
	if (d->signature_count > 1) return problem_set(why, ERR_BAD_HEADER, "more than one Stripe-Signature header");
	unsigned i;
	enum error e = webhook_verify(secrets, d->signature, d->body, d->received_ms / 1000, SIGNATURE_TOLERANCE_S, &i);
	if (e) return e;
	*ret_secret = (int)i;
	struct stripe_envelope v;
	e = stripe_envelope_parse(d->body, &v, why);
	if (e) return e;
	const struct webhook_secret *secret = webhook_secrets_at(secrets, i);
	e = webhook_bind(secret, &v);
	if (e) return e;
	*ret_record = (struct record){.kind = RECORD_WEBHOOK,
				      .livemode = v.livemode,
				      .received_ms = d->received_ms,
				      .created = v.created,
				      .secret = secret->label,
				      .account = v.account,
				      .id = v.id,
				      .type = v.type,
				      .api_version = v.api_version,
				      .body = d->body};
	return OK;
}
