#include "billing.h"

#include <stdio.h>

#include "price.h"
#include "schedule.h"
#include "shapes.h"

#define EXPIRING_AHEAD (7 * SIM_DAY)

static json_t *phase_at(const struct record *schedule, size_t i) {
	return json_array_get(json_object_get(schedule->json, "phases"), i);
}

static size_t phase_count(const struct record *schedule) {
	return json_array_size(json_object_get(schedule->json, "phases"));
}

bool schedule_is_open(const struct record *schedule) {
	return text_is(schedule->json, "status", "active") || text_is(schedule->json, "status", "not_started");
}

/* phases[] when none of them holds `now`: the count when all are over, -1 before the first. */
static int64_t place_at(const struct record *schedule, int64_t now) {
	int64_t place = -1;
	for (size_t i = 0; i < phase_count(schedule); i++) {
		if (now >= int_of(phase_at(schedule, i), "start_date")) place = (int64_t)i;
		if (i + 1 == phase_count(schedule) && now >= int_of(phase_at(schedule, i), "end_date")) place++;
	}
	return place;
}

static void set_current(struct record *schedule, const json_t *phase) {
	if (!phase) {
		set_null(schedule->json, "current_phase");
		return;
	}
	(void)json_object_set_new(schedule->json, "current_phase",
				  json_pack("{s:I, s:I}", "end_date", (json_int_t)int_of(phase, "end_date"),
					    "start_date", (json_int_t)int_of(phase, "start_date")));
}

void schedule_remind(struct sim *sim, const struct record *schedule) {
	const char *id = record_id(schedule);
	for (size_t i = 0; i < phase_count(schedule); i++) {
		const json_t *phase = phase_at(schedule, i);
		if (int_of(phase, "start_date") > sim_now(sim)) sim_at(sim, int_of(phase, "start_date"), DUE_PHASE, id);
		if (i + 1 < phase_count(schedule)) continue;
		int64_t end = int_of(phase, "end_date");
		if (end - EXPIRING_AHEAD > sim_now(sim)) sim_at(sim, end - EXPIRING_AHEAD, DUE_PHASE, id);
		sim_at(sim, end, DUE_PHASE, id);
	}
}

/* ---- ends ----------------------------------------------------------------------- */

void schedule_release(struct sim *sim, struct record *schedule, struct record *sub) {
	json_t *before = record_copy(schedule);
	set_text(schedule->json, "status", "released");
	set_int(schedule->json, "released_at", sim_now(sim));
	set_text(schedule->json, "released_subscription", sub ? record_id(sub) : NULL);
	set_null(schedule->json, "subscription");
	set_current(schedule, NULL);
	if (sub) {
		json_t *was = record_copy(sub);
		set_null(sub->json, "schedule");
		(void)sim_emit_change(sim, "customer.subscription.updated", sub, was);
	}
	sim_emit(sim, "subscription_schedule.released", schedule, attributes_before(before, schedule->json));
	json_decref(before);
}

static void complete(struct sim *sim, struct record *schedule, struct record *sub) {
	json_t *before = record_copy(schedule);
	set_text(schedule->json, "status", "completed");
	set_int(schedule->json, "completed_at", sim_now(sim));
	set_current(schedule, NULL);
	sim_emit(sim, "subscription_schedule.completed", schedule, attributes_before(before, schedule->json));
	json_decref(before);
	if (sub) subscription_end(sim, sub, "cancellation_requested");
}

void schedule_detach(struct sim *sim, struct record *sub) {
	struct record *schedule = sim_find(sim, K_SCHEDULE, text_of(sub->json, "schedule"));
	if (!schedule || !schedule_is_open(schedule)) return;
	bool aborted = text_is(json_object_get(sub->json, "cancellation_details"), "reason", "payment_failed");
	json_t *before = record_copy(schedule);
	set_text(schedule->json, "status", "canceled");
	set_int(schedule->json, "canceled_at", sim_now(sim));
	set_current(schedule, NULL);
	sim_emit(sim, aborted ? "subscription_schedule.aborted" : "subscription_schedule.canceled", schedule,
		 attributes_before(before, schedule->json));
	json_decref(before);
}

/* ---- phases --------------------------------------------------------------------- */

static json_t *items_of_phase(struct sim *sim, const json_t *phase) {
	json_t *items = json_array(), *list = json_object_get(phase, "items"), *given_item;
	size_t i;
	json_array_foreach(list, i, given_item) {
		const struct record *price = sim_find(sim, K_PRICE, text_of(given_item, "price"));
		if (price) (void)json_array_append_new(items, item_make(sim, price, int_of(given_item, "quantity")));
	}
	return items;
}

json_t *schedule_items_at(struct sim *sim, const struct record *schedule, int64_t at) {
	int64_t place = place_at(schedule, at);
	if (place >= (int64_t)phase_count(schedule))
		place = (int64_t)phase_count(schedule) - 1; /* released: it stays */
	return place < 0 ? NULL : items_of_phase(sim, phase_at(schedule, (size_t)place));
}

/* The same prices keep their items' ids, as an update would. */
static json_t *items_kept(struct sim *sim, const struct record *sub, const json_t *phase) {
	json_t *items = items_of_phase(sim, phase), *old = items_of(sub->json), *item;
	size_t i;
	json_array_foreach(items, i, item) {
		const char *price = text_of(json_object_get(item, "price"), "id");
		for (size_t k = 0; k < json_array_size(old); k++) {
			const json_t *was = json_array_get(old, k);
			if (!text_is(json_object_get(was, "price"), "id", price)) continue;
			(void)json_object_set(item, "id", json_object_get(was, "id"));
			(void)json_object_set(item, "created", json_object_get(was, "created"));
		}
	}
	return items;
}

static bool same_items(const json_t *a, const json_t *b) {
	if (json_array_size(a) != json_array_size(b)) return false;
	for (size_t i = 0; i < json_array_size(a); i++) {
		const json_t *x = json_array_get(a, i), *y = json_array_get(b, i);
		if (!text_is(json_object_get(x, "price"), "id", text_of(json_object_get(y, "price"), "id")))
			return false;
		if (int_of(x, "quantity") != int_of(y, "quantity")) return false;
	}
	return true;
}

static void begin(struct sim *sim, struct record *schedule, const json_t *phase) {
	struct record *customer = sim_find(sim, K_CUSTOMER, text_of(schedule->json, "customer"));
	if (!customer || customer->deleted) return;
	struct subscription_spec spec = {.customer = customer,
					 .items = items_of_phase(sim, phase),
					 .metadata = json_object_get(phase, "metadata"),
					 .trial_end = int_of(phase, "trial_end")};
	struct record *sub = subscription_start(sim, NULL, &spec);
	set_text(schedule->json, "subscription", record_id(sub));
	json_t *before = record_copy(sub);
	set_text(sub->json, "schedule", record_id(schedule));
	(void)sim_emit_change(sim, "customer.subscription.updated", sub, before);
}

/* At a period's end nothing is prorated: the renewal that follows in the same second bills the new items. */
void schedule_apply(struct sim *sim, const struct record *schedule, struct record *sub, const json_t *phase) {
	(void)schedule;
	json_t *items = items_kept(sim, sub, phase);
	if (json_array_size(items) == 0 || same_items(items, items_of(sub->json))) {
		json_decref(items);
		return;
	}
	const char *proration = text_of(phase, "proration_behavior");
	bool boundary = period_end(sub) <= sim_now(sim);
	subscription_set_items(sim, sub, items, boundary || !proration ? "none" : proration);
	const struct record *customer = sim_find(sim, K_CUSTOMER, text_of(sub->json, "customer"));
	if (customer) entitlements_tell(sim, customer);
}

static void enter(struct sim *sim, struct record *schedule, struct record *sub, int64_t place) {
	json_t *before = record_copy(schedule);
	const json_t *phase = phase_at(schedule, (size_t)place);
	set_int(record_hidden(schedule), "place", place + 1);
	set_text(schedule->json, "status", "active");
	set_current(schedule, phase);
	if (sub)
		schedule_apply(sim, schedule, sub, phase);
	else
		begin(sim, schedule, phase);
	(void)sim_emit_change(sim, "subscription_schedule.updated", schedule, before);
}

static void warn(struct sim *sim, struct record *schedule) {
	int64_t end = int_of(phase_at(schedule, phase_count(schedule) - 1), "end_date");
	if (end - sim_now(sim) > EXPIRING_AHEAD || int_of(schedule->hidden, "warned") == end) return;
	set_int(record_hidden(schedule), "warned", end);
	sim_emit(sim, "subscription_schedule.expiring", schedule, NULL);
}

void schedule_phase_due(struct sim *sim, const char *id) {
	struct record *schedule = sim_find(sim, K_SCHEDULE, id);
	if (!schedule || !schedule_is_open(schedule)) return;
	struct record *sub = sim_find(sim, K_SUBSCRIPTION, text_of(schedule->json, "subscription"));
	int64_t place = place_at(schedule, sim_now(sim)), done = int_of(schedule->hidden, "place") - 1;
	if (place < 0) return;
	if (place < (int64_t)phase_count(schedule)) {
		if (place > done) enter(sim, schedule, sub, place);
		warn(sim, schedule);
		return;
	}
	if (text_is(schedule->json, "end_behavior", "cancel"))
		complete(sim, schedule, sub);
	else
		schedule_release(sim, schedule, sub);
}
