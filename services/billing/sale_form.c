#include <stdio.h>

#include "sale.h"
#include "stripe_read.h"

#define REFERENCE_MAX 200 /* Stripe's limit on client_reference_id */

static void field(struct writer *w, const char *key, const char *value) { stripe_field(w, key, view_str(value)); }

void checkout_form(struct writer *w, const struct sale *s, const char *subject, const char *metadata_key) {
	char name[128];
	field(w, "mode", "subscription");
	field(w, "customer", s->customer);
	if (strlen(subject) <= REFERENCE_MAX) field(w, "client_reference_id", subject);
	field(w, "line_items[0][price]", s->price.id);
	stripe_field_number(w, "line_items[0][quantity]", s->quantity ? s->quantity : 1);
	(void)snprintf(name, sizeof name, "metadata[%.64s]", metadata_key);
	field(w, name, subject);
	(void)snprintf(name, sizeof name, "subscription_data[metadata][%.64s]", metadata_key);
	field(w, name, subject);
	field(w, "success_url", s->success_url);
	field(w, "cancel_url", s->cancel_url);
}

static const char *flow_type(const struct sale *s) {
	switch (s->flow) {
	case FLOW_CARD:
		return "payment_method_update";
	case FLOW_CANCEL:
		return "subscription_cancel";
	case FLOW_SWITCH:
		return s->item[0] ? "subscription_update_confirm" : "subscription_update";
	case FLOW_MANAGE:
	case FLOW_COUNT:
		break;
	}
	return NULL;
}

/* Stripe fills the session's id in after a checkout alone. */
static const char *after_flow(const struct sale *s) {
	return s->success_url && !strchr(s->success_url, '{') ? s->success_url : s->return_url;
}

void portal_form(struct writer *w, const struct sale *s, bool with_flow) {
	char name[128];
	const char *type = with_flow ? flow_type(s) : NULL;
	field(w, "customer", s->customer);
	field(w, "return_url", s->return_url);
	if (!type) return;
	field(w, "flow_data[type]", type);
	field(w, "flow_data[after_completion][type]", "redirect");
	field(w, "flow_data[after_completion][redirect][return_url]", after_flow(s));
	if (s->flow == FLOW_CARD) return;
	(void)snprintf(name, sizeof name, "flow_data[%s][subscription]", type);
	field(w, name, s->subscription);
	if (!s->item[0] || s->flow != FLOW_SWITCH) return;
	field(w, "flow_data[subscription_update_confirm][items][0][id]", s->item);
	field(w, "flow_data[subscription_update_confirm][items][0][price]", s->price.id);
	stripe_field_number(w, "flow_data[subscription_update_confirm][items][0][quantity]", s->item_quantity);
}
