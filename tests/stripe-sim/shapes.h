/* What a new object of each kind looks like, every field that Stripe shows, in the newest version. */
#ifndef STRIPE_SIM_SHAPES_H
#define STRIPE_SIM_SHAPES_H

#include "sim.h"

NODISCARD bool shapes_load(json_t *ret_shapes[K_COUNT]);

/* Parts of objects, as JSON texts. */
const char *shape_text(enum kind kind);
extern const char shape_item[];          /* of a subscription */
extern const char shape_line[];          /* of an invoice */
extern const char shape_plan[];          /* the old name of a price, still shown in items */
extern const char shape_session_item[];  /* of a checkout session's list */
extern const char shape_phase[];         /* of a schedule */
extern const char shape_money_charge[];  /* charge */
extern const char shape_money_intent[];  /* payment_intent */
extern const char shape_money_dispute[]; /* dispute */
extern const char shape_money_refund[];  /* refund */
extern const char shape_money_payment[]; /* invoice_payment */
extern const char shape_money_method[];  /* payment_method */
extern const char shape_money_setup[];   /* setup_intent */

/* A new reference to a parsed copy. */
json_t *shape_parse(const char *text);

#endif
