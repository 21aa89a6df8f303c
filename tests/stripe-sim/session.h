/* Checkout sessions. */
#ifndef STRIPE_SIM_SESSION_H
#define STRIPE_SIM_SESSION_H

#include "billing.h"

/* The Pay button: the customer, its card, the subscription, its payment, the completed session. outcome: "ok" or
 * "declined"; async: the money comes days later. False: r->error. */
NODISCARD bool session_pay(struct sim_request *r, struct record *session, const char *outcome, bool async);
/* The list that line_items shows. New reference. */
json_t *session_items(const struct record *session);

#endif
