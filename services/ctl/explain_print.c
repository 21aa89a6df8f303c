#include "explain.h"

#include "override.h"
#include "value.h"

static void print_first(const json_t *o) {
	json_int_t at = member_number(o, "at"), now = member_number(o, "now");
	if (at != now) (void)printf("At %s, ", when_s(at, "-").text);
	(void)printf("%s %s tier %s (%s mode): %s\n", member_text(o, "sub"),
		     member_true(o, "past") ? "was answered as"
		     : at > now             ? "will be at"
					    : "is at",
		     member_text(o, "tier"), member_text(o, "mode"), member_text(o, "reason"));
	if (member_number(o, "since_ms"))
		(void)printf("  since    %s, version %" JSON_INTEGER_FORMAT ", by %s\n",
			     when_ms(member_number(o, "since_ms"), "-").text, member_number(o, "ver"),
			     *member_text(o, "event") ? member_text(o, "event") : member_text(o, "cause"));
	if (at > now) (void)printf("  if       nothing happens until then\n");
}

static void print_head(const json_t *o) {
	print_first(o);
	(void)printf("  rule     %s\n", member_text(o, "rule"));
	if (*member_text(o, "subscription"))
		(void)printf("  by       %s, as of event %s\n", member_text(o, "subscription"),
			     member_text(o, "event"));
	if (member_number(o, "until")) (void)printf("  until    %s\n", when_s(member_number(o, "until"), "").text);
	if (*member_text(o, "blocked_tier"))
		(void)printf("  blocked  tier %s would be there but for: %s\n", member_text(o, "blocked_tier"),
			     member_text(o, "blocked_reason"));
	if (member_true(o, "stale")) (void)printf("  stale    a renewal is overdue, and no news of it has come\n");
	if (member_true(o, "unconfirmed")) (void)printf("  unsure   two events of one second leave the order open\n");
	if (member_true(o, "unmapped")) (void)printf("  unmapped a price is in no tier of the catalog\n");
	if (!member_true(o, "known") && member_true(o, "past")) (void)printf("  It was not known then.\n");
	if (!member_true(o, "known") && !member_true(o, "past"))
		(void)printf(
			"  The store has no event about this subject. It is bound by client_reference_id of a checkout "
			"session or\n"
			"  by metadata of a customer or subscription; a customer's own id (cus_…) works as well.\n");
	if (!member_true(o, "known") && member_number(o, "quarantined"))
		(void)printf("  In quarantine, perhaps about it: %" JSON_INTEGER_FORMAT
			     " records; see `tiergate quarantine list`.\n",
			     member_number(o, "quarantined"));
}

static void print_customers(const json_t *customers) {
	for (size_t i = 0; i < json_array_size(customers); i++) {
		const json_t *c = json_array_get(customers, i), *claims = json_object_get(c, "claims");
		(void)printf("\ncustomer %s", member_text(c, "id"));
		for (size_t k = 0; k < json_array_size(claims); k++) {
			const json_t *claim = json_array_get(claims, k);
			(void)printf("%s %s (event %s, %s)", k ? "; before:" : ": claimed for",
				     member_text(claim, "sub"), member_text(claim, "event"),
				     when_s(member_number(claim, "seen"), "-").text);
		}
		if (*member_text(c, "deleted_event"))
			(void)printf("; deleted by event %s", member_text(c, "deleted_event"));
		(void)printf("\n");
	}
}

static void print_date(const json_t *s, const char *key, const char *label) {
	if (member_number(s, key)) (void)printf("  %-9s%s\n", label, when_s(member_number(s, key), "").text);
}

static void print_schedule(const json_t *schedule) {
	const json_t *phases = json_object_get(schedule, "phases");
	for (size_t i = 0; i < json_array_size(phases); i++) {
		const json_t *phase = json_array_get(phases, i), *items = json_object_get(phase, "items");
		(void)printf("  from     %s by its schedule:", when_s(member_number(phase, "start"), "-").text);
		for (size_t k = 0; k < json_array_size(items); k++) {
			const json_t *item = json_array_get(items, k);
			(void)printf(" %s x %" JSON_INTEGER_FORMAT, member_text(item, "price"),
				     member_number(item, "quantity"));
		}
		(void)printf("\n");
	}
	print_date(schedule, "ends", "ends");
}

static void print_reversals(const json_t *s) {
	if (member_true(s, "disputed")) (void)printf("  disputed a payment of it is\n");
	print_date(s, "refunded_until", "refunded");
	print_date(s, "dispute_lost_until", "lost");
	if (*member_text(s, "reversal_event")) (void)printf("  by       %s\n", member_text(s, "reversal_event"));
}

static void print_events(const json_t *s) {
	const json_t *events = json_object_get(s, "events"), *ended = json_object_get(s, "ended");
	for (size_t i = 0; i < json_array_size(events); i++) {
		const json_t *e = json_array_get(events, i);
		(void)printf("  event    %s  %s  %s, %s\n", when_s(member_number(e, "created"), "-").text,
			     member_text(e, "event"), member_text(e, "rank"), member_text(e, "status"));
	}
	if (ended)
		(void)printf("  ended    %s  %s  %s\n", when_s(member_number(ended, "created"), "-").text,
			     member_text(ended, "event"), member_text(ended, "status"));
}

static void print_subscription(const json_t *s) {
	const json_t *items = json_object_get(s, "items"), *invoice = json_object_get(s, "latest_invoice");
	const char *tier = *member_text(s, "tier") ? member_text(s, "tier") : "nothing that the catalog knows";
	(void)printf("\nsubscription %s: %s, %s %s\n", member_text(s, "id"), member_text(s, "status"),
		     member_true(s, "grants") ? "grants" : "does not grant", tier);
	(void)printf("  rule     %s\n", member_text(s, "rule"));
	print_date(s, "until", "until");
	for (size_t i = 0; i < json_array_size(items); i++) {
		const json_t *item = json_array_get(items, i);
		(void)printf("  item     %s x %" JSON_INTEGER_FORMAT " %s %s\n", member_text(item, "price"),
			     member_number(item, "quantity"), member_text(item, "lookup_key"),
			     member_text(item, "product"));
	}
	print_date(s, "period_start", "period");
	print_date(s, "period_end", "  to");
	print_date(s, "trial_end", "trial to");
	print_date(s, "cancel_at", "cancels");
	if (member_true(s, "cancel_at_period_end")) (void)printf("  cancels  at the end of the period\n");
	if (member_true(s, "collection_paused")) (void)printf("  paused   collection is\n");
	print_date(s, "unpaid_since", "unpaid");
	print_reversals(s);
	print_schedule(json_object_get(s, "schedule"));
	if (invoice)
		(void)printf("  invoice  %s%s%s%s%s\n", member_text(invoice, "id"),
			     *member_text(invoice, "status") ? " " : "", member_text(invoice, "status"),
			     *member_text(invoice, "event") ? " " : "", member_text(invoice, "event"));
	print_events(s);
}

static void print_overrides(const json_t *overrides) {
	if (json_array_size(overrides) > 0) (void)printf("\ngranted by hand\n");
	for (size_t i = 0; i < json_array_size(overrides); i++) override_print(json_array_get(overrides, i));
}

static void print_wants(const json_t *wants) {
	if (json_array_size(wants) > 0) (void)printf("\nto be fetched from Stripe\n");
	for (size_t i = 0; i < json_array_size(wants); i++) {
		const json_t *w = json_array_get(wants, i);
		(void)printf("  %s  %s %s: %s\n", when_ms(member_number(w, "since_ms"), "-").text,
			     member_text(w, "fetch"), member_text(w, "id"), member_text(w, "why"));
	}
}

static void print_history(const json_t *history) {
	if (json_array_size(history) > 0) (void)printf("\nchanges, the newest first\n");
	for (size_t i = 0; i < json_array_size(history); i++) {
		const json_t *h = json_array_get(history, i);
		(void)printf("  %s  %s -> %s  %s  %s\n", when_ms(member_number(h, "at_ms"), "-").text,
			     *member_text(h, "before") ? member_text(h, "before") : "(unknown)",
			     member_text(h, "after"), member_text(h, "reason"),
			     *member_text(h, "event") ? member_text(h, "event") : member_text(h, "cause"));
	}
}

void explain_print(const json_t *o) {
	print_head(o);
	print_customers(json_object_get(o, "customers"));
	const json_t *subscriptions = json_object_get(o, "subscriptions");
	for (size_t i = 0; i < json_array_size(subscriptions); i++)
		print_subscription(json_array_get(subscriptions, i));
	print_overrides(json_object_get(o, "overrides"));
	print_wants(json_object_get(o, "wants"));
	print_history(json_object_get(o, "history"));
}
