/* What details.c (the cache), details_fetch.c (how it is filled) and details_read.c (Stripe's objects) share. */
#ifndef BILLING_DETAILS_PRIVATE_H
#define BILLING_DETAILS_PRIVATE_H

#include <pthread.h>

#include "net/backoff.h"
#include "shop_private.h"

#define DETAILS_BUCKETS 4096
#define NOBODY UINT16_MAX
#define CIRCUIT_BASE_MS 1000
#define CIRCUIT_CAP_MS 60000

struct details_entry {
	bool used;
	bool known;  /* `details` or `none` holds */
	bool none;   /* the subject has no customer */
	bool wanted; /* in the queue */
	bool fetching;
	uint64_t mark, mark_wanted;     /* under which it was fetched; which was asked for last */
	unsigned changes, changes_seen; /* details_expire was called; up to which it was fetched */
	int64_t got_ms, tried_ms;
	int64_t settles_ms; /* until then it is unsettled */
	uint64_t hash;
	uint16_t next;         /* in the bucket */
	uint16_t newer, older; /* by when it was looked at */
	char subject[SUBJECT_MAX + 1];
	struct details details;
};

struct details_waiter {
	void *owner; /* NULL: free */
	void (*then)(void *owner);
	char subject[SUBJECT_MAX + 1];
};

enum fetch_step { FETCH_PROFILE, FETCH_CUSTOMER, FETCH_INVOICE, FETCH_SCHEDULE, FETCH_UPCOMING };

struct details_fetch {
	bool busy;
	struct details_cache *cache;
	enum fetch_step step;
	char subject[SUBJECT_MAX + 1];
	uint64_t mark;
	unsigned changes;
	unsigned at, count;
	char customers[TG_CUSTOMERS_MAX][STRIPE_ID_MAX];
	bool found; /* d is of `customer` */
	char customer[STRIPE_ID_MAX], schedule[STRIPE_ID_MAX];
	struct details d;
};

struct details_cache {
	struct shop *shop;
	pthread_mutex_t mutex; /* of all until `waiters` */
	uint16_t buckets[DETAILS_BUCKETS];
	uint16_t newest, oldest;
	unsigned count;
	struct details_entry *entries; /* DETAILS_MAX */
	uint16_t queue[DETAILS_WANTED];
	unsigned first, queued;
	bool open; /* the circuit: nothing is fetched until open_ms */
	int64_t open_ms;
	unsigned failures; /* in a row */
	struct details_counts counts;
	/* the loop's */
	struct backoff backoff;
	struct details_waiter waiters[DETAILS_WAITERS];
	struct details_fetch fetches[DETAILS_FETCHES];
};

/* details.c, of the loop: a fetch is over. `d` NULL: there is no customer. */
void details_got(struct details_cache *c, struct details_fetch *f, const struct details *d);
void details_failed(struct details_cache *c, struct details_fetch *f);

/* details_fetch.c */
void fetch_begin(struct details_fetch *f);

/* details_read.c: pure. Each fills in its part; what is odd is left out. `tier` names an item's tier. */
struct tier_namer {
	void (*tier)(void *ctx, const struct item *item, char ret_name[NAME_MAX_BYTES + 1]);
	void *ctx;
};
/* A customer with subscriptions, their latest invoices and payment methods expanded. True: something of it is alive.
 * The schedule's id is cut to nothing when there is none. */
bool details_read_customer(struct details *d, const json_t *customer, const struct tier_namer *namer,
			   char ret_schedule[STRIPE_ID_MAX]);
/* An invoice with payments.data.payment.payment_intent expanded: does the bank ask the payer? */
bool details_needs_confirmation(const json_t *invoice);
/* A schedule with phases.items.price expanded. */
void details_read_schedule(struct details *d, const json_t *schedule, const struct tier_namer *namer);
/* A preview of the next invoice. */
void details_read_upcoming(struct details *d, const json_t *invoice);
/* Does anything come by itself? */
bool details_renews(const struct details *d);

#endif
