/* Who asks: tokens (token.h), the keys that they are signed with, and what was verified before (token_cache.h).
 *
 * Keys come from a file, read again by auth_reload, or from an address. Those of an address are fetched at the start
 * and every AUTH_REFRESH_MS; after a failure sooner, at first after a second and then after ever longer, to
 * AUTH_RETRY_MS; and when a token names a key that is not known, but for that no more than once in AUTH_UNKNOWN_MS. The
 * last good ones are kept through an outage.
 */
#ifndef BILLING_AUTH_H
#define BILLING_AUTH_H

#include "token.h"

#define AUTH_REFRESH_MS 600000
#define AUTH_RETRY_FIRST_MS 1000
#define AUTH_RETRY_MS 60000
#define AUTH_UNKNOWN_MS 60000
#define AUTH_FETCH_MS 5000 /* what one fetch may take */

struct auth;

struct auth_options {
	const char *issuer, *audience; /* these outlive it */
	const char *keys;              /* a file, or an address */
	const char *algorithms;        /* "RS256;ES256" */
	/* On the loop, after keys were taken, or could not be: `why` then says so. Not from auth_create. */
	void (*settled)(void *ctx, bool changed, const struct problem *why);
	void *ctx;
};

/* A file must be there and good: ERR_CONFIG. ERR_MEMORY. */
NODISCARD enum error auth_create(const struct auth_options *o, struct auth **ret_a, struct problem *why);
void auth_destroy(struct auth **a);

/* Any thread. *ret_cached: no signature was checked. ret_who only with TOKEN_FINE. */
enum token_fault auth_judge(struct auth *a, struct view token, int64_t now_s, struct identity *ret_who,
			    bool *ret_cached);

/* ---- the loop --------------------------------------------------------------------------- */

/* HUP: the file again, at once; an address as soon as may be. An error: the old keys stay. */
NODISCARD enum error auth_reload(struct auth *a, struct problem *why);
/* A token's key is not known. True: keys are on their way, and `settled` will come. */
bool auth_learn(struct auth *a, int64_t now_ms);
/* -1: none. */
int auth_fd(const struct auth *a);
int64_t auth_wait_ms(const struct auth *a, int64_t now_ms, int64_t most);
void auth_run(struct auth *a, int64_t now_ms);
/* How many are known, and whether they came from an address; 0: none yet. */
unsigned auth_key_count(struct auth *a);
bool auth_is_remote(const struct auth *a);

#endif
