/* What the catalog's tiers cost: Stripe's active, recurring prices that a tier names by lookup key, price or product.
 *
 * One copy for all, fetched when it is asked for and older than PRICES_FRESH_MS, by one request of many at a time. When
 * Stripe cannot say, the copy that is there is served and says that it is stale; nobody waits for it longer than
 * PRICES_WAIT_MS then. Another catalog, and it is fetched anew.
 *
 * Of several prices of a tier with the same interval and currency one is for sale: the one by its lookup key, which
 * moves with the price that is current; else the one that is named; else the newest of its product. Prices of
 * products that are not active are not for sale.
 *
 * A tier may be sold in several currencies. Who has a subscription pays in its currency, since Stripe mixes none on one
 * customer; else the customer's own comes first, then the default: the one in which most prices are, of equals the
 * first by the alphabet.
 *
 * https://docs.stripe.com/api/prices/list
 */
#ifndef BILLING_PRICES_H
#define BILLING_PRICES_H

#include "visit.h"

#define PRICES_MAX 512     /* for sale */
#define PRICE_PAGES_MAX 20 /* of 100 of Stripe's; further ones are not looked at, and the log says so */
#define PRICES_FRESH_MS (INT64_C(5) * 60 * 1000)
#define PRICES_WAIT_MS 2000  /* for a newer copy, when there is an old one */
#define PRICES_PAUSE_MS 5000 /* after a failure nobody asks for so long */

struct price {
	char id[STRIPE_ID_MAX], lookup_key[LOOKUP_KEY_MAX + 1], interval[16], currency[CURRENCY_MAX];
	int64_t interval_count, created;
	int64_t amount; /* of one, in minor units; -1: tiered or with fractions of a unit */
	unsigned tier;
	int rank; /* the enum grant_kind by which it is the tier's, best first */
};

struct price_list {
	int64_t as_of; /* unix seconds */
	bool stale;
	char currency[CURRENCY_MAX]; /* the default; "" without a price. Of price_list_sort */
	uint64_t catalog;            /* the hash of the one that it was made with */
	unsigned count;
	struct price at[PRICES_MAX]; /* by tier, then from the shortest interval on */
};

/* `then` is called with the list, which lives during the call: at once, or later; or the ask is refused. */
void prices_of(struct visit *v, void (*then)(struct visit *v, const struct price_list *p));

/* The tier's price for an interval ("month"); NULL: the monthly one, or else the first. In that currency if there is
 * one, else in the default, else in any; `only`: in that one or none. NULL: not for sale. */
const struct price *price_for(const struct price_list *p, unsigned tier, const char *interval, const char *currency,
			      bool only);
/* The one of that id or lookup key; NULL: none of these. */
const struct price *price_named(const struct price_list *p, const char *name);
/* An interval's length, roughly, for comparisons. */
int64_t interval_days(const char *interval, int64_t count);

/* Adds one of Stripe's price objects if it is for sale. False: the list is full. */
bool price_list_add(struct price_list *p, const struct catalog *c, const json_t *price);
void price_list_sort(struct price_list *p);

#endif
