/* The first byte chooses: 'w' a webhook, whose record ingress would have made from the envelope; 's', 'c', 'k' and
 * 'i' a snapshot of a subscription, a customer, a checkout session or an invoice. Laws: a refusal has a
 * sentence; what is accepted is within its limits, has the digest that it says, and is the same again. */
#include "proto/stripe_decode.h"

#include <string.h>

#include "fuzz.h"
#include "proto/stripe_envelope.h"

static bool record_of(char choice, struct view body, struct record *ret_r) {
	struct record r = {.kind = RECORD_SNAPSHOT, .id = VIEW("snap_1"), .created = 1, .body = body};
	struct stripe_envelope e;
	switch (choice) {
	case 's':
		r.type = VIEW("subscription");
		break;
	case 'c':
		r.type = VIEW("customer");
		break;
	case 'k':
		r.type = VIEW("checkout.session");
		break;
	case 'i':
		r.type = VIEW("invoice");
		break;
	default:
		if (stripe_envelope_parse(body, &e, NULL) != OK) return false;
		r = (struct record){.kind = RECORD_WEBHOOK,
				    .livemode = e.livemode,
				    .created = e.created,
				    .account = e.account,
				    .id = e.id,
				    .type = e.type,
				    .body = body};
	}
	*ret_r = r;
	return true;
}

static void check_subscription(const struct subscription_observation *o) {
	const struct subscription *s = &o->now;
	FUZZ_MUST(s->id.len && s->id.len <= STRIPE_ID_MAX && s->customer.len && s->customer.len <= STRIPE_ID_MAX);
	FUZZ_MUST(s->subject.len <= SUBJECT_MAX && s->latest_invoice.len <= STRIPE_ID_MAX);
	FUZZ_MUST(s->status > SUB_NONE && s->status < SUB_STATUS_COUNT && s->items.count <= ITEMS_MAX);
	for (unsigned i = 0; i < s->items.count; i++) {
		const struct item *item = &s->items.items[i];
		FUZZ_MUST(item->price.len + item->product.len + item->lookup_key.len > 0);
		FUZZ_MUST(item->price.len <= STRIPE_ID_MAX && item->product.len <= STRIPE_ID_MAX);
		FUZZ_MUST(item->lookup_key.len <= LOOKUP_KEY_MAX);
	}
	FUZZ_MUST(s->created >= 0 && s->period_start >= 0 && s->period_end >= 0);
	FUZZ_MUST(o->post == subscription_digest(s));
	FUZZ_MUST(!o->new_claim || s->subject.len);
}

static void check(const struct observation *o) {
	switch (o->kind) {
	case OBSERVE_SUBSCRIPTION:
		check_subscription(&o->of.subscription);
		break;
	case OBSERVE_CUSTOMER:
		FUZZ_MUST(o->of.customer.id.len && o->of.customer.id.len <= STRIPE_ID_MAX);
		FUZZ_MUST(o->of.customer.subject.len <= SUBJECT_MAX);
		break;
	case OBSERVE_CHECKOUT:
		FUZZ_MUST(o->of.checkout.id.len && o->of.checkout.customer.len <= STRIPE_ID_MAX);
		FUZZ_MUST(o->of.checkout.subject.len <= SUBJECT_MAX);
		break;
	case OBSERVE_INVOICE:
		FUZZ_MUST(o->of.invoice.id.len && o->of.invoice.currency.len <= CURRENCY_MAX);
		FUZZ_MUST(o->of.invoice.attempt_count >= 0);
		break;
	case OBSERVE_SCHEDULE:
	case OBSERVE_PAYMENT:
	case OBSERVE_OVERRIDE:
	case OBSERVE_MARK:
	case OBSERVE_NOTHING:
		break;
	}
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
	struct record r;
	struct observation first, again;
	struct problem why = {OK, ""};
	if (size < 1 || !record_of((char)data[0], view_of(data + 1, size - 1), &r)) return 0;
	struct stripe_decoder *d = stripe_decoder_create(VIEW("user_id"));
	if (!d) return 0;
	enum error e = stripe_decode(d, &r, &first, &why);
	FUZZ_MUST(e == OK || (e == ERR_MALFORMED && why.error == e && why.text[0]));
	if (e == OK) {
		check(&first);
		FUZZ_MUST(stripe_decode(d, &r, &again, NULL) == OK && again.kind == first.kind);
		const struct subscription_observation *a = &first.of.subscription, *b = &again.of.subscription;
		if (first.kind == OBSERVE_SUBSCRIPTION)
			FUZZ_MUST(a->post == b->post && a->has_pre == b->has_pre && (!a->has_pre || a->pre == b->pre));
	}
	stripe_decoder_destroy(&d);
	return 0;
}
