/* A plan is switched in the portal, as its configuration says: at once with its prorations, or at the period's end by a
 * schedule (https://docs.stripe.com/customer-management/configure-portal). */
#include <stdlib.h>

#include "billing.h"
#include "inner.h"
#include "page.h"

#define FORM_MAX (6 * SIM_ID_MAX + 400)

static bool has_condition(const json_t *feature, const char *type) {
	const json_t *all = json_object_get(json_object_get(feature, "schedule_at_period_end"), "conditions"), *one;
	size_t i;
	json_array_foreach(all, i, one) {
		if (text_is(one, "type", type)) return true;
	}
	return false;
}

static int64_t days_of(const json_t *price) {
	const json_t *recurring = json_object_get(price, "recurring");
	int64_t unit = text_is(recurring, "interval", "year")    ? 365
		       : text_is(recurring, "interval", "month") ? 30
		       : text_is(recurring, "interval", "week")  ? 7
								 : 1;
	return unit * int_of(recurring, "interval_count");
}

static bool waits(const json_t *feature, const json_t *item, const json_t *price, int64_t quantity) {
	const json_t *old = json_object_get(item, "price");
	int64_t before = int_of(old, "unit_amount") * int_of(item, "quantity");
	bool cheaper = int_of(price, "unit_amount") * quantity < before, shorter = days_of(price) < days_of(old);
	return (cheaper && has_condition(feature, "decreasing_item_amount")) ||
	       (shorter && has_condition(feature, "shortening_interval"));
}

/* The schedule that the subscription has, or one that is made of it. */
static bool schedule_id(struct sim_request *r, const struct record *sub, char id[SIM_ID_MAX], struct sim_error *e) {
	char form[SIM_ID_MAX + 32];
	const char *there = text_of(sub->json, "schedule");
	if (there) {
		(void)snprintf(id, SIM_ID_MAX, "%s", there);
		return true;
	}
	(void)snprintf(form, sizeof form, "from_subscription=%s", record_id(sub));
	json_t *made = inner_call(r, "POST", "/v1/subscription_schedules", form, e);
	if (made) (void)snprintf(id, SIM_ID_MAX, "%s", text_of(made, "id"));
	json_decref(made);
	return made != NULL;
}

static json_t *at_period_end(struct sim_request *r, const struct record *sub, const json_t *item, const char *price,
			     int64_t quantity, struct sim_error *e) {
	char id[SIM_ID_MAX], target[SIM_ID_MAX + 40], form[FORM_MAX];
	if (!schedule_id(r, sub, id, e)) return NULL;
	(void)snprintf(target, sizeof target, "/v1/subscription_schedules/%s", id);
	(void)snprintf(form, sizeof form,
		       "end_behavior=release&phases[0][items][0][price]=%s&phases[0][items][0][quantity]=%lld"
		       "&phases[0][end_date]=%lld&phases[0][proration_behavior]=none&phases[1][items][0][price]=%s"
		       "&phases[1][items][0][quantity]=%lld&phases[1][iterations]=1&phases[1][proration_behavior]=none",
		       text_of(json_object_get(item, "price"), "id"), (long long)int_of(item, "quantity"),
		       (long long)period_end(sub), price, (long long)quantity);
	return inner_call(r, "POST", target, form, e);
}

json_t *portal_switch(struct sim_request *r, const json_t *feature, const struct record *sub,
		      const struct record *price, struct sim_error *e) {
	char target[SIM_ID_MAX + 24], form[FORM_MAX];
	const json_t *item = json_array_get(items_of(sub->json), 0);
	const char *given_quantity = text_of(r->params, "quantity"),
		   *proration = text_of(feature, "proration_behavior");
	int64_t quantity = given_quantity && *given_quantity ? strtoll(given_quantity, NULL, 10) : 0;
	if (quantity < 1 || quantity > 1000000) quantity = int_of(item, "quantity");
	if (waits(feature, item, price->json, quantity))
		return at_period_end(r, sub, item, record_id(price), quantity, e);
	(void)snprintf(target, sizeof target, "/v1/subscriptions/%s", record_id(sub));
	(void)snprintf(
		form, sizeof form, "items[0][id]=%s&items[0][price]=%s&items[0][quantity]=%lld&proration_behavior=%s",
		text_of(item, "id"), record_id(price), (long long)quantity, proration ? proration : "always_invoice");
	return inner_call(r, "POST", target, form, e);
}
