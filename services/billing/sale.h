/* What checkout and portal have in common: which price is wanted, of which customer, and where to come back to.
 *
 * Who pays already is never sold a second subscription: both actions end in the portal's switch flow then, where Stripe
 * shows what changes and the customer confirms it. A flow that Stripe refuses (a portal that does not offer that price,
 * a subscription with several items, one that is to be canceled already) becomes the portal's front page, and the log
 * says so.
 *
 * https://docs.stripe.com/customer-management/portal-deep-links · https://docs.stripe.com/api/checkout/sessions/create
 */
#ifndef BILLING_SALE_H
#define BILLING_SALE_H

#include "customer.h"
#include "prices.h"

#define SALE_FORM_MAX                                                                                                  \
	((size_t)24 * 1024) /* bytes of an encoded form: two URLs of URL_ALLOWED_MAX, each byte as three */
#define QUANTITY_MAX 10000

/* symbol, name in the API */
#define PORTAL_FLOW_TABLE(X)                                                                                           \
	X(FLOW_MANAGE, "manage")                                                                                       \
	X(FLOW_CARD, "payment_method_update")                                                                          \
	X(FLOW_CANCEL, "subscription_cancel")                                                                          \
	X(FLOW_SWITCH, "subscription_update")

enum portal_flow {
#define X(symbol, name) symbol,
	PORTAL_FLOW_TABLE(X)
#undef X
		FLOW_COUNT
};

struct sale {
	struct visit v;
	/* what is asked for */
	bool checkout;    /* by create-checkout-session: the answer says "portal" for any flow */
	bool wants_price; /* a tier or a price is named */
	bool has_tier;
	unsigned tier;                                     /* of the wanted price, once that is known */
	char named[LOOKUP_KEY_MAX + 1];                    /* the price's id or lookup key; "": by tier and interval */
	char interval[16];                                 /* "": any */
	int64_t quantity;                                  /* 0: one, or as many as there are */
	const char *success_url, *cancel_url, *return_url; /* as long as the ask */
	char success_room[VISIT_URL_ROOM], cancel_room[VISIT_URL_ROOM], return_room[VISIT_URL_ROOM];
	void (*go_on)(struct sale *s);
	/* what is known */
	json_t *sub;                                          /* that is there; NULL: none */
	struct price price;                                   /* id "": none is wanted */
	char customer[STRIPE_ID_MAX], currency[CURRENCY_MAX]; /* currency: the subscription's or customer's; "": none */
	enum portal_flow flow;
	char subscription[STRIPE_ID_MAX], item[STRIPE_ID_MAX]; /* item "": the flow names none */
	int64_t item_quantity;
};

/* tier, price, interval and quantity as the request says them. `must`: without tier and price it is refused. False: it
 * was refused. */
bool sale_read(struct sale *s, bool must);
/* `go_on` with the price that is named, or the price of the tier, when one is wanted; without an interval that of the
 * subscription, if that is for sale, else a month; in the currency that prices.h says. Or the ask is refused. */
void sale_price(struct sale *s, void (*go_on)(struct sale *s));

/* Whose it is, and in which currency that customer pays. */
void sale_customer(struct sale *s, const struct found_customer *c);
/* The subscription that is there. Takes a reference. */
void sale_subscription(struct sale *s, json_t *subscription);
/* It becomes the wanted price: chooses flow and item. False: refused, since nothing would change. */
bool sale_switch(struct sale *s);
/* The item that a change is about; NULL: none. */
const json_t *sale_item(const struct sale *s);
/* An ask's sale; NULL: refused. */
struct sale *sale_begin(struct ask *a);
/* Opens the portal for what the sale says, and answers. */
void portal_open(struct sale *s);

/* The forms, apart from sending them. */
void checkout_form(struct writer *w, const struct sale *s, const char *subject, const char *metadata_key);
void portal_form(struct writer *w, const struct sale *s, bool with_flow);

#endif
