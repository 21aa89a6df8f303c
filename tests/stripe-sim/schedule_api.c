#include "billing.h"

#include <stdio.h>

#include "price.h"
#include "routes.h"
#include "schedule.h"
#include "shapes.h"

#define PHASES_MAX 10

/* ---- phases --------------------------------------------------------------------- */

static json_t *read_item(struct sim_request *r, const json_t *given_item, const char *at) {
	const char *id = need_text(r, given_item, at, "price");
	struct record *price = price_recurring(r, id, at);
	int64_t quantity = want_int(r, given_item, at, "quantity", 1, 0, 1000000);
	if (!price || failed(r)) return NULL;
	return json_pack("{s:n, s:[], s:{}, s:o, s:s, s:I, s:[]}", "billing_thresholds", "discounts", "metadata",
			 "plan", price_plan(price), "price", id, "quantity", (json_int_t)quantity, "tax_rates");
}

static json_t *read_items(struct sim_request *r, const json_t *phase, const char *at) {
	char where[80];
	const json_t *list = want_list(r, phase, at, "items");
	json_t *items = json_array();
	for (size_t i = 0; i < json_array_size(list) && !failed(r); i++) {
		(void)snprintf(where, sizeof where, "%s[items][%zu]", at, i);
		json_t *item = read_item(r, json_array_get(list, i), where);
		if (item) (void)json_array_append_new(items, item);
	}
	if (json_array_size(items) == 0)
		(void)refuse(r, 400, "parameter_missing", at, "Missing required param: %s[items].", at);
	(void)items_check(r, items, at);
	return items;
}

static int64_t read_end(struct sim_request *r, const json_t *phase, const char *at, int64_t start,
			const json_t *items) {
	const struct record *price = sim_find(r->sim, K_PRICE, text_of(json_array_get(items, 0), "price"));
	const json_t *recurring = price ? json_object_get(price->json, "recurring") : NULL;
	const json_t *duration = want_object(r, phase, at, "duration");
	int64_t iterations = want_int(r, phase, at, "iterations", 1, 1, 1000);
	if (given(phase, "end_date")) return want_int(r, phase, at, "end_date", 0, start + 1, SIM_CLOCK_MAX);
	if (duration)
		return calendar_add(start, want_choice(r, duration, at, "interval", "day|week|month|year", "month"),
				    want_int(r, duration, at, "interval_count", 1, 1, 1000));
	return recurring ? calendar_add(start, text_of(recurring, "interval"),
					int_of(recurring, "interval_count") * iterations)
			 : start;
}

static json_t *read_phase(struct sim_request *r, const json_t *given_phase, const char *at, int64_t start) {
	json_t *phase = shape_parse(shape_phase), *items = read_items(r, given_phase, at);
	int64_t trial = want_int(r, given_phase, at, "trial_end", 0, 0, SIM_CLOCK_MAX);
	set_int(phase, "start_date", start);
	set_int(phase, "end_date", read_end(r, given_phase, at, start, items));
	if (want_bool(r, given_phase, at, "trial", false)) trial = int_of(phase, "end_date");
	if (trial) set_int(phase, "trial_end", trial);
	set_text(phase, "proration_behavior",
		 want_choice(r, given_phase, at, "proration_behavior", "create_prorations|none|always_invoice",
			     "create_prorations"));
	take_metadata(r, given_phase, phase);
	(void)json_object_set_new(phase, "items", items);
	return phase;
}

/* One after the other from `start`. NULL: r->error. */
static json_t *read_phases(struct sim_request *r, int64_t start) {
	char at[32];
	const json_t *list = want_list(r, r->params, NULL, "phases");
	json_t *phases = json_array();
	if (json_array_size(list) > PHASES_MAX)
		(void)refuse(r, 400, NULL, "phases", "A schedule has at most %d phases.", PHASES_MAX);
	for (size_t i = 0; i < json_array_size(list) && !failed(r); i++) {
		(void)snprintf(at, sizeof at, "phases[%zu]", i);
		json_t *phase = read_phase(r, json_array_get(list, i), at, start);
		start = int_of(phase, "end_date");
		(void)json_array_append_new(phases, phase);
	}
	if (json_array_size(phases) == 0)
		(void)refuse(r, 400, "parameter_missing", "phases", "Missing required param: phases.");
	if (!failed(r)) return phases;
	json_decref(phases);
	return NULL;
}

/* ---- create --------------------------------------------------------------------- */

static json_t *phase_of(const struct record *sub) {
	json_t *phase = shape_parse(shape_phase), *items = json_array(), *all = items_of(sub->json), *item;
	size_t i;
	json_array_foreach(all, i, item) {
		(void)json_array_append_new(items,
					    json_pack("{s:n, s:[], s:{}, s:O, s:s, s:I, s:[]}", "billing_thresholds",
						      "discounts", "metadata", "plan", json_object_get(item, "plan"),
						      "price", text_of(json_object_get(item, "price"), "id"),
						      "quantity", (json_int_t)int_of(item, "quantity"), "tax_rates"));
	}
	set_int(phase, "start_date", period_start(sub));
	set_int(phase, "end_date", period_end(sub));
	(void)json_object_set(phase, "trial_end", json_object_get(sub->json, "trial_end"));
	(void)json_object_set_new(phase, "items", items);
	return phase;
}

static json_t *create_from(struct sim_request *r, const char *id) {
	struct record *sub = want(r, K_SUBSCRIPTION, id, "from_subscription");
	if (sub && text_of(sub->json, "schedule"))
		return refuse(r, 400, NULL, "from_subscription",
			      "You cannot migrate a subscription that is already attached to a schedule: %s.",
			      text_of(sub->json, "schedule"));
	if (sub && subscription_is(sub, "canceled|incomplete|incomplete_expired|paused"))
		return refuse(r, 400, NULL, "from_subscription",
			      "You cannot create a schedule from a subscription with the status %s.",
			      text_of(sub->json, "status"));
	if (!sub) return NULL;
	json_t *o = sim_shape(r->sim, K_SCHEDULE);
	set_text(o, "customer", text_of(sub->json, "customer"));
	set_text(o, "subscription", id);
	set_text(o, "test_clock", text_of(sub->json, "test_clock"));
	set_text(o, "status", "active");
	(void)json_object_set_new(o, "phases", json_pack("[o]", phase_of(sub)));
	(void)json_object_set_new(o, "current_phase",
				  json_pack("{s:I, s:I}", "end_date", (json_int_t)period_end(sub), "start_date",
					    (json_int_t)period_start(sub)));
	struct record *schedule = sim_add(r->sim, K_SCHEDULE, o);
	set_int(record_hidden(schedule), "place", 1);
	json_t *before = record_copy(sub);
	set_text(sub->json, "schedule", record_id(schedule));
	sim_emit(r->sim, "subscription_schedule.created", schedule, NULL);
	(void)sim_emit_change(r->sim, "customer.subscription.updated", sub, before);
	schedule_remind(r->sim, schedule);
	return record_show(schedule);
}

static json_t *create(struct sim_request *r) {
	const char *from = want_text(r, r->params, NULL, "from_subscription");
	if (from) return create_from(r, from);
	const char *customer_id = need_text(r, r->params, NULL, "customer");
	struct record *customer = customer_id ? want(r, K_CUSTOMER, customer_id, "customer") : NULL;
	if (!customer) return NULL;
	int64_t now = sim_now(r->sim), start = now;
	if (!text_is(r->params, "start_date", "now"))
		start = want_int(r, r->params, NULL, "start_date", now, now, SIM_CLOCK_MAX);
	const char *end = want_choice(r, r->params, NULL, "end_behavior", "release|cancel", "release");
	json_t *phases = read_phases(r, start);
	if (!phases) return NULL;
	json_t *o = sim_shape(r->sim, K_SCHEDULE);
	set_text(o, "customer", customer_id);
	set_text(o, "end_behavior", end);
	set_text(o, "test_clock", text_of(customer->json, "test_clock"));
	(void)json_object_set_new(o, "phases", phases);
	take_metadata(r, r->params, o);
	if (failed(r)) {
		json_decref(o);
		return NULL;
	}
	struct record *schedule = sim_add(r->sim, K_SCHEDULE, o);
	sim_emit(r->sim, "subscription_schedule.created", schedule, NULL);
	schedule_phase_due(r->sim, record_id(schedule));
	schedule_remind(r->sim, schedule);
	return record_show(schedule);
}

/* ---- the rest ------------------------------------------------------------------- */

static struct record *named(struct sim_request *r) { return want(r, K_SCHEDULE, r->ids[0], "id"); }

static struct record *open_one(struct sim_request *r) {
	struct record *schedule = named(r);
	if (!schedule || schedule_is_open(schedule)) return schedule;
	(void)refuse(r, 400, NULL, NULL,
		     "You cannot update a subscription schedule that is currently in the `%s` status.",
		     text_of(schedule->json, "status"));
	return NULL;
}

static struct record *sub_of(struct sim *sim, const struct record *schedule) {
	return sim_find(sim, K_SUBSCRIPTION, text_of(schedule->json, "subscription"));
}

static json_t *update(struct sim_request *r) {
	struct record *schedule = open_one(r);
	const char *end = want_choice(r, r->params, NULL, "end_behavior", "release|cancel", NULL);
	json_t *scratch = json_object();
	take_metadata(r, r->params, scratch);
	json_decref(scratch);
	if (failed(r)) return NULL;
	json_t *phases = NULL;
	if (given(r->params, "phases")) {
		/* what runs keeps its beginning */
		const json_t *now = json_object_get(schedule->json, "current_phase");
		const json_t *first = json_array_get(json_object_get(schedule->json, "phases"), 0);
		phases = read_phases(r, int_of(json_is_object(now) ? now : first, "start_date"));
		if (!phases) return NULL;
	}
	json_t *before = record_copy(schedule);
	if (end) set_text(schedule->json, "end_behavior", end);
	take_metadata(r, r->params, schedule->json);
	if (phases) (void)json_object_set_new(schedule->json, "phases", phases);
	if (phases && text_is(schedule->json, "status", "active")) {
		const json_t *phase = json_array_get(phases, 0);
		struct record *sub = sub_of(r->sim, schedule);
		set_int(record_hidden(schedule), "place", 1);
		(void)json_object_set_new(schedule->json, "current_phase",
					  json_pack("{s:I, s:I}", "end_date", (json_int_t)int_of(phase, "end_date"),
						    "start_date", (json_int_t)int_of(phase, "start_date")));
		if (sub) schedule_apply(r->sim, schedule, sub, phase);
	}
	(void)sim_emit_change(r->sim, "subscription_schedule.updated", schedule, before);
	if (phases) schedule_remind(r->sim, schedule);
	return record_show(schedule);
}

static json_t *release(struct sim_request *r) {
	struct record *schedule = open_one(r);
	if (!schedule) return NULL;
	schedule_release(r->sim, schedule, sub_of(r->sim, schedule));
	return record_show(schedule);
}

static json_t *cancel(struct sim_request *r) {
	struct record *schedule = open_one(r), *sub = schedule ? sub_of(r->sim, schedule) : NULL;
	if (!schedule) return NULL;
	if (sub) {
		subscription_end(r->sim, sub, "cancellation_requested");
		return record_show(schedule);
	}
	json_t *before = record_copy(schedule);
	set_text(schedule->json, "status", "canceled");
	set_int(schedule->json, "canceled_at", sim_now(r->sim));
	sim_emit(r->sim, "subscription_schedule.canceled", schedule, attributes_before(before, schedule->json));
	json_decref(before);
	return record_show(schedule);
}

static json_t *retrieve(struct sim_request *r) {
	struct record *schedule = named(r);
	return schedule ? record_show(schedule) : NULL;
}

static json_t *list(struct sim_request *r) { return list_records(r, K_SCHEDULE, "customer,", NULL, NULL); }

static const struct sim_route rows[] = {
	{"POST", "/v1/subscription_schedules", create,
	 "customer,default_settings,end_behavior,from_subscription,metadata,phases,start_date,"},
	{"GET", "/v1/subscription_schedules", list, LIST_PARAMS "customer,"},
	{"GET", "/v1/subscription_schedules/:a", retrieve, ""},
	{"POST", "/v1/subscription_schedules/:a", update,
	 "default_settings,end_behavior,metadata,phases,proration_behavior,"},
	{"POST", "/v1/subscription_schedules/:a/release", release, "preserve_cancel_date,"},
	{"POST", "/v1/subscription_schedules/:a/cancel", cancel, "invoice_now,prorate,"},
};
ROUTES(schedule_routes, rows);
