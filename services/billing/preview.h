/* What a change of plan would cost: the pure half. How the change is billed is the portal's setting, since that is
 * where it is confirmed: features.subscription_update.proration_behavior, and schedule_at_period_end for what gets
 * cheaper or shorter.
 *
 * https://docs.stripe.com/api/invoices/create_preview · https://docs.stripe.com/customer-management/configure-portal
 */
#ifndef BILLING_PREVIEW_H
#define BILLING_PREVIEW_H

#include <jansson.h>

#include "base/bytes.h"
#include "prices.h"

enum proration { PRORATION_LATER, PRORATION_NOW, PRORATION_NONE }; /* create_prorations, always_invoice, none */

/* How the portal bills; without a configuration: prorations with the next invoice, and nothing is scheduled. */
struct portal_rules {
	enum proration proration;
	bool cheaper_later, shorter_later; /* at the period's end */
};
void portal_rules_read(const json_t *configuration, struct portal_rules *ret_r);

struct change {
	const char *customer, *subscription, *item; /* ids */
	const struct price *to;
	int64_t quantity, now;
	int64_t period_end;  /* of what is there */
	bool other_interval; /* the period begins anew when it takes effect */
	bool at_period_end;
	enum proration proration;
};

/* present: the item that there is. */
void change_decide(struct change *c, const json_t *present, const struct portal_rules *rules);
/* The form of create_preview. `prorated` false: of the next period alone. */
void change_form(struct writer *w, const struct change *c, bool prorated);
/* Is the second, unprorated preview needed to know what comes next? And is the prorated one at all? */
bool change_asks_now(const struct change *c);
bool change_asks_next(const struct change *c);
/* The API's answer; tier: its name. now_invoice, next_invoice: the previews, NULL when they were not asked for. NULL
 * without memory. */
json_t *change_show(const struct change *c, struct view tier, const json_t *now_invoice, const json_t *next_invoice);

/* What a first purchase costs: no preview of Stripe's is needed for it, taxes and discounts aside. */
json_t *purchase_show(const struct price *p, int64_t quantity, int64_t now, struct view tier);
/* `count` intervals after a moment, as Stripe counts: the same day of the month, or its last. */
int64_t interval_after(int64_t at, const char *interval, int64_t count);

#endif
