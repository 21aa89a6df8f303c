/* Deep links into the portal: session.flow (https://docs.stripe.com/customer-management/portal-deep-links). */
#include "billing.h"
#include "page.h"

static const json_t *flow_of(const struct record *session) {
	const json_t *flow = json_object_get(session->json, "flow");
	return json_is_object(flow) && text_of(flow, "type") ? flow : NULL;
}

/* The subscription that the flow is about; NULL: none, or another customer's. */
static const struct record *about(struct sim_request *r, const struct record *session, const json_t *flow) {
	const char *id = text_of(json_object_get(flow, text_of(flow, "type")), "subscription");
	const char *customer = text_of(session->json, "customer");
	const struct record *sub = id ? sim_find(r->sim, K_SUBSCRIPTION, id) : NULL;
	return sub && customer && text_is(sub->json, "customer", customer) ? sub : NULL;
}

/* The new price, which the portal's own form for switching would send. */
static void confirm_form(struct html *h, struct sim_request *r, const struct record *session, const json_t *flow,
			 const struct record *sub) {
	const json_t *items = json_object_get(json_object_get(flow, "subscription_update_confirm"), "items");
	const char *id = text_of(json_array_get(items, 0), "price");
	const struct record *price = id ? sim_find(r->sim, K_PRICE, id) : NULL;
	if (!price) {
		html_raw(h, "<p class=\"note\">There is no such plan.</p>");
		return;
	}
	html_raw(h, "<p>Your new plan: <b>");
	page_price(h, r->sim, price->json);
	html_fill(h, "</b></p><form method=\"post\" action=\"/p/session/%s/switch\">", record_id(session), NULL, NULL,
		  NULL);
	const char *quantity = text_of(json_array_get(items, 0), "quantity");
	html_fill(h,
		  "<input type=\"hidden\" name=\"subscription\" value=\"%s\"><input type=\"hidden\" name=\"price\" "
		  "value=\"%s\"><input type=\"hidden\" name=\"quantity\" value=\"%s\">"
		  "<button class=\"main\" name=\"do\" value=\"switch\">Confirm</button></form>",
		  record_id(sub), record_id(price), quantity ? quantity : "", NULL);
}

bool flow_page(struct sim_request *r, struct record *session, const char *note) {
	const json_t *flow = flow_of(session);
	if (!flow) return false;
	const char *type = text_of(flow, "type");
	struct html h;
	bool card = strcmp(type, "payment_method_update") == 0;
	const struct record *sub = card ? NULL : about(r, session, flow);
	html_begin(&h, card                                       ? "Update your card"
		       : strcmp(type, "subscription_cancel") == 0 ? "Cancel your plan"
								  : "Change your plan");
	if (note) html_fill(&h, "<p class=\"note\" id=\"note\">%s</p>", note, NULL, NULL, NULL);
	if (card)
		portal_card_form(&h, record_id(session));
	else if (!sub || subscription_is(sub, "canceled|incomplete_expired"))
		html_raw(&h, "<p id=\"none\">There is no such subscription.</p>");
	else if (strcmp(type, "subscription_cancel") == 0)
		portal_cancel_forms(&h, record_id(session), sub);
	else if (strcmp(type, "subscription_update") == 0)
		portal_plan_form(&h, r, session, sub);
	else
		confirm_form(&h, r, session, flow, sub);
	portal_back(&h, session);
	(void)page_show(r, &h);
	return true;
}

json_t *flow_done(struct sim_request *r, struct record *session) {
	const json_t *flow = flow_of(session), *end = json_object_get(flow, "after_completion");
	char home[SIM_ID_MAX + 32];
	(void)snprintf(home, sizeof home, "/p/session/%s/home", record_id(session));
	if (text_is(end, "type", "redirect"))
		return page_go(r, text_of(json_object_get(end, "redirect"), "return_url"));
	if (!text_is(end, "type", "hosted_confirmation")) return page_go(r, home);
	const char *message = text_of(json_object_get(end, "hosted_confirmation"), "custom_message");
	return page_message(r, 200, "Done", message ? message : "Your change was made.");
}
