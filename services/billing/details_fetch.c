/* One subject's details, in two to four requests: query's word on its customers, Stripe's customer with everything that
 * hangs on it, then the open invoice, the schedule and the next amount where there are such. An expanded path has at
 * most four parts (https://docs.stripe.com/api/expanding_objects), so the parts further in are requests of their own.
 */
#include "details_private.h"
#include "service/clock.h"

#define CUSTOMER                                                                                                       \
	"/v1/customers/{id}?expand[]=subscriptions&expand[]=subscriptions.data.latest_invoice"                         \
	"&expand[]=subscriptions.data.default_payment_method&expand[]=invoice_settings.default_payment_method"         \
	"&expand[]=default_source"

static void answered(void *ctx, const struct stripe_answer *s);

static void call(struct details_fetch *f, enum fetch_step step, const char *path, struct view form) {
	const struct shop_ports *ports = &f->cache->shop->ports;
	struct stripe_call c = {.post = form.len > 0, .path = path, .form = form, .done = answered, .ctx = f};
	f->step = step;
	if (!path || !ports->stripe(ports->ctx, &c, true)) details_failed(f->cache, f);
}

static void get(struct details_fetch *f, enum fetch_step step, const char *template, const char *id) {
	char room[STRIPE_PATH_MAX];
	struct writer w = writer_of(room, sizeof room);
	stripe_path(&w, template, view_str(id));
	call(f, step, stripe_text_end(&w), VIEW_NONE);
}

/* Of a subscription whose plan is about to change by itself Stripe is asked by its schedule: by the subscription it may
 * tell the price of today. The two are not taken together. */
static void preview(struct details_fetch *f) {
	char room[2 * 3 * STRIPE_ID_MAX + 64];
	struct writer w = writer_of(room, sizeof room);
	stripe_field(&w, "customer", view_str(f->customer));
	if (f->d.has_schedule)
		stripe_field(&w, "schedule", view_str(f->schedule));
	else
		stripe_field(&w, "subscription", view_str(f->d.subscription.id));
	call(f, FETCH_UPCOMING, "/v1/invoices/create_preview", writer_view(&w));
}

/* What comes after this step, of what there is. */
static void next(struct details_fetch *f) {
	switch (f->step) {
	case FETCH_PROFILE:
	case FETCH_CUSTOMER:
		if (!f->found) {
			details_got(f->cache, f, NULL);
			return;
		}
		if (f->d.has_open_invoice) {
			get(f, FETCH_INVOICE,
			    "/v1/invoices/{id}?expand[]=payments&expand[]=payments.data.payment.payment_intent",
			    f->d.open_invoice.id);
			return;
		}
		/* fall through */
	case FETCH_INVOICE:
		if (f->schedule[0]) {
			get(f, FETCH_SCHEDULE, "/v1/subscription_schedules/{id}?expand[]=phases.items.price",
			    f->schedule);
			return;
		}
		/* fall through */
	case FETCH_SCHEDULE:
		if (details_renews(&f->d)) {
			preview(f);
			return;
		}
		/* fall through */
	case FETCH_UPCOMING:
		details_got(f->cache, f, &f->d);
		break;
	}
}

static void look_at_next(struct details_fetch *f) {
	if (f->at < f->count)
		get(f, FETCH_CUSTOMER, CUSTOMER, f->customers[f->at]);
	else
		next(f);
}

/* The first customer that is there, unless a later one has a subscription. */
static void got_customer(struct details_fetch *f, const struct stripe_answer *s) {
	const struct shop_ports *ports = &f->cache->shop->ports;
	const struct tier_namer namer = {ports->tier, ports->ctx};
	struct details d = {.as_of = s->second ? s->second : wall_s()};
	char schedule[STRIPE_ID_MAX];
	bool there = s->outcome == STRIPE_OK && !yes_of(s->body, "deleted");
	bool alive = there && details_read_customer(&d, s->body, &namer, schedule);
	if (there && (alive || !f->found)) {
		f->found = true;
		f->d = d;
		copy_text(f->customer, sizeof f->customer, f->customers[f->at]);
		copy_text(f->schedule, sizeof f->schedule, schedule);
	}
	f->at = alive ? f->count : f->at + 1;
	look_at_next(f);
}

static void take_part(struct details_fetch *f, const json_t *body) {
	const struct shop_ports *ports = &f->cache->shop->ports;
	const struct tier_namer namer = {ports->tier, ports->ctx};
	if (f->step == FETCH_INVOICE) f->d.open_invoice.needs_confirmation = details_needs_confirmation(body);
	if (f->step == FETCH_SCHEDULE) details_read_schedule(&f->d, body, &namer);
	if (f->step == FETCH_UPCOMING) details_read_upcoming(&f->d, body);
}

static void answered(void *ctx, const struct stripe_answer *s) {
	struct details_fetch *f = ctx;
	bool said_no = s->outcome == STRIPE_MISSING || s->outcome == STRIPE_INVALID;
	if (s->outcome != STRIPE_OK && !said_no) {
		details_failed(f->cache, f);
		return;
	}
	if (f->step == FETCH_CUSTOMER) {
		if (!said_no && !text_is(s->body, "id", f->customers[f->at]))
			details_failed(f->cache, f); /* not what was asked for */
		else
			got_customer(f, s);
		return;
	}
	if (!said_no) take_part(f, s->body); /* an object that is gone, or no next invoice: nothing to add */
	next(f);
}

static void got_profile(void *arg, enum tg_status status, const struct tg_profile *p) {
	struct details_fetch *f = arg;
	if (status != TG_OK) {
		details_failed(f->cache, f);
		return;
	}
	for (size_t i = 0; i < p->customer_count && i < TG_CUSTOMERS_MAX; i++) {
		copy_text(f->customers[f->count], STRIPE_ID_MAX, p->customers[i]);
		if (f->customers[f->count][0]) f->count++;
	}
	look_at_next(f);
}

void fetch_begin(struct details_fetch *f) {
	const struct shop_ports *ports = &f->cache->shop->ports;
	f->step = FETCH_PROFILE;
	if (!ports->profile(ports->ctx, f->subject, got_profile, f)) details_failed(f->cache, f);
}
