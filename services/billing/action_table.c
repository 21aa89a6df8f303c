#include "billing.h"

/* What is served under /api/v1/billing/. */
const struct action *const action_table[] = {
	&subscription_status,      &entitlements,         &plans,    &create_checkout_session, &create_portal_session,
	&confirm_checkout_session, &refresh_subscription, &invoices, &change_preview,          NULL,
};
