#include <stdio.h>

#include "base/parse.h"
#include "render.h"

/* Where the API serves objects of a kind. */
static const struct {
	const char *object, *path;
} places[] = {
	{"customer", "customers"},
	{"subscription", "subscriptions"},
	{"subscription_schedule", "subscription_schedules"},
	{"invoice", "invoices"},
	{"invoice_payment", "invoice_payments"},
	{"payment_intent", "payment_intents"},
	{"payment_method", "payment_methods"},
	{"setup_intent", "setup_intents"},
	{"charge", "charges"},
	{"refund", "refunds"},
	{"dispute", "disputes"},
	{"price", "prices"},
	{"product", "products"},
	{"checkout.session", "checkout/sessions"},
};

static json_t *related(json_t *object) {
	const char *kind = text_of(object, "object"), *id = text_of(object, "id");
	for (size_t i = 0; kind && id && i < ARRAY_LEN(places); i++) {
		if (strcmp(places[i].object, kind) != 0) continue;
		char url[SIM_ID_MAX + 64];
		(void)snprintf(url, sizeof url, "/v1/%s/%s", places[i].path, id);
		return json_pack("{s:s, s:s, s:s}", "id", id, "type", kind, "url", url);
	}
	return json_null();
}

/* https://docs.stripe.com/event-destinations: type "v1.…" for what has a snapshot, and snapshot_event names it. */
char *render_thin(struct sim *sim, const struct record *event) {
	(void)sim;
	json_t *data = event->text ? json_loads(event->text, 0, NULL) : NULL;
	if (!data) return NULL;
	char type[EVENT_TYPE_MAX + 4], created[RFC3339_SIZE], stamp[RFC3339_SIZE + 4], id[SIM_ID_MAX + 8];
	const char *snapshot = record_id(event), *plain = text_of(event->json, "type"),
		   *account = event->scope->account;
	(void)snprintf(type, sizeof type, "v1.%s", plain ? plain : "");
	format_rfc3339(int_of(event->json, "created"), created);
	(void)snprintf(stamp, sizeof stamp, "%.19s.000Z", created);
	(void)snprintf(id, sizeof id, "evt_thin_%s", strlen(snapshot) > 4 ? snapshot + 4 : snapshot);
	json_t *reason = json_object_get(event->json, "request");
	json_t *thin = json_pack("{s:s, s:s, s:s, s:s, s:b, s:s?, s:s, s:o, s:O?}", "id", id, "object", "v2.core.event",
				 "type", type, "created", stamp, "livemode", (int)bool_of(event->json, "livemode"),
				 "context", account[0] ? account : NULL, "snapshot_event", snapshot, "related_object",
				 related(json_object_get(data, "object")), "reason", NULL);
	if (json_is_object(reason) && text_of(reason, "id"))
		(void)json_object_set_new(thin, "reason",
					  json_pack("{s:s, s:O}", "type", "request", "request", reason));
	char *text = thin ? json_dumps(thin, JSON_COMPACT) : NULL;
	json_decref(thin);
	json_decref(data);
	return text;
}
