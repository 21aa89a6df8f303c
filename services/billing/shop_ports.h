/* Opens the shop (shop.h) with its ports filled in: after the calls, the client of query and the inbox. ERR_CONFIG,
 * ERR_MEMORY. */
#ifndef BILLING_SHOP_PORTS_H
#define BILLING_SHOP_PORTS_H

#include "billing.h"

NODISCARD enum error shop_ports_open(struct billing *b, struct problem *why);

#endif
