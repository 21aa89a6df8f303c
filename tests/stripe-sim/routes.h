/* Every table of routes; route.c looks through them in this order. */
#ifndef STRIPE_SIM_ROUTES_H
#define STRIPE_SIM_ROUTES_H

#include "sim.h"

struct sim_routes {
	const struct sim_route *rows;
	size_t count;
};

#define ROUTES(name, table) const struct sim_routes name = {(table), ARRAY_LEN(table)}
#define LIST_PARAMS "limit,starting_after,ending_before,created,"

extern const struct sim_routes customer_routes, product_routes, price_routes, subscription_routes, invoice_routes,
	session_routes, schedule_routes, payment_routes, payment_method_routes, card_routes, refund_routes,
	dispute_routes, portal_routes, test_clock_routes, entitlement_routes, account_routes, event_routes,
	inspect_routes, edge_routes, thin_routes, state_routes, page_checkout_routes, page_portal_routes,
	page_invoice_routes;

#endif
