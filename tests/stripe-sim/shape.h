/* API versions, and the one difference between them that matters here: 2025-03-31.basil moved fields.
 *
 *   classic  before basil: current_period_* on the subscription, invoice.subscription, invoice.charge, line.price,
 *            charge.invoice
 *   newest   basil and later: as the tables hold it
 */
#ifndef STRIPE_SIM_SHAPE_H
#define STRIPE_SIM_SHAPE_H

#include <stdbool.h>

enum shape { SHAPE_CLASSIC, SHAPE_NEWEST };

#define CLASSIC_VERSION "2024-06-20" /* for deliveries that are told to be of an old version */

/* False: Stripe has no such version. */
bool shape_of_version(const char *version, enum shape *ret_shape);

#endif
