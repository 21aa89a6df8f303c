/* The pages that Stripe hosts, plain HTML and forms: checkout at /c/pay/cs_…, the portal at /p/session/bps_…, an
 * invoice at /i/in_…. They do what they do by the API itself (inner.h). Who has the link may use the page, as with
 * Stripe. */
#ifndef STRIPE_SIM_PAGE_H
#define STRIPE_SIM_PAGE_H

#include "html.h"

/* The record behind a page, whose account and clock count from now on; or NULL and r->html says that there is none. */
struct record *page_record(struct sim_request *r, enum kind kind);
/* All give NULL, as a handler does that answers HTML. */
json_t *page_show(struct sim_request *r, struct html *h);
json_t *page_message(struct sim_request *r, unsigned status, const char *title, const char *text);
/* 303 to there; anything but http(s) and our own paths is refused. */
json_t *page_go(struct sim_request *r, const char *url);
/* The price of an item: name, amount, interval. */
void page_price(struct html *h, struct sim *sim, const json_t *price);
/* A form's hidden field or button. */
void page_button(struct html *h, const char *action, const char *field, const char *value, const char *label,
		 bool main);

/* page_flow.c: the page for session.flow; false: this session has none. */
bool flow_page(struct sim_request *r, struct record *session, const char *note);
/* Where the portal goes after an action: as the flow says, or back to the portal. */
json_t *flow_done(struct sim_request *r, struct record *session);

/* page_portal.c: parts that flows show as well. */
void portal_card_form(struct html *h, const char *session);
void portal_plan_form(struct html *h, struct sim_request *r, const struct record *session, const struct record *sub);
void portal_cancel_forms(struct html *h, const char *session, const struct record *sub);
void portal_back(struct html *h, const struct record *session);

/* page_switch.c: a plan becomes another as the portal's feature says, with the form's quantity or the one there is. The
 * API's answer, or NULL and *e. */
json_t *portal_switch(struct sim_request *r, const json_t *feature, const struct record *sub,
		      const struct record *price, struct sim_error *e);

#endif
