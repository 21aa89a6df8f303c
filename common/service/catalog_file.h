/* tiers.yaml → struct catalog (domain/catalog.h).
 *
 *   version: 1
 *   tiers:                      lowest first; the first one is everybody's
 *     - name: pro
 *       features: [live_trading]
 *       inherits: true          has the features of all tiers below (default true)
 *       stripe:                 what grants it
 *         prices: [price_…]
 *         products: [prod_…]
 *         lookup_keys: [pro_monthly]
 *   policies:                   all optional; the default of each:
 *     past_due_grace: 7d        past_due still grants this long, from the start of the unpaid period
 *     renewal_grace: 3d         active with an ended period is called stale after this long
 *     lapse_unrenewed: false    … and then still grants: silence proves nothing
 *     pause_collection: grant   or deny
 *     unmapped_price: last_known   or lowest: what a price in no tier gives
 *     dispute_open: hold        or grant: while a dispute about a payment is open (an inquiry is none)
 *     dispute_lost: revoke      or grant: the time that the lost payment had paid for
 *     refund_full: revoke       or grant: the time that a payment had paid for which was refunded in full
 *     schedule: apply           or ignore: a schedule's next phase, or its end, takes effect at its moment, before
 *                               Stripe's event about it has come
 *
 * Strict: an unknown or repeated key, a name twice, a price in two tiers, a value of the wrong type is refused with
 * file, line and key: "tiers.yaml:12: tiers[1].stripe.prices: price_x is already granted by tier pro". Names of tiers
 * and features are 1 to NAME_MAX_BYTES bytes of [A-Za-z0-9_.-]; prices and products too, up to STRIPE_ID_MAX; lookup
 * keys any printable ASCII up to LOOKUP_KEY_MAX. A feature that a tier inherits is not listed in it again. The first
 * tier may have prices: those of zero.
 * Bounds: 1 MiB of text, TIERS_MAX, FEATURES_MAX, GRANTS_MAX, 64 levels; anchors and aliases are refused, as is a
 * second document.
 */
#ifndef SERVICE_CATALOG_FILE_H
#define SERVICE_CATALOG_FILE_H

#include "base/error.h"
#include "domain/catalog.h"

#define CATALOG_FILE_MAX ((size_t)1 << 20)

/* A catalog and the memory its views point into. Immutable. */
struct catalog_file;

/* ERR_CONFIG for what is in it, also for too much of it; ERR_NOT_FOUND or ERR_IO when it cannot be read; ERR_MEMORY. */
NODISCARD enum error catalog_file_load(const char *path, struct catalog_file **ret_f, struct problem *why);
/* The same from memory; name is for the messages. */
NODISCARD enum error catalog_file_parse(const char *name, struct view text, struct catalog_file **ret_f,
					struct problem *why);
void catalog_file_destroy(struct catalog_file **f);

const struct catalog *catalog_file_get(const struct catalog_file *f);

#endif
