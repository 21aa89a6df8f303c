/* The entitlement store, read-only, for verbs that look into it. */
#ifndef CTL_OPEN_STORE_H
#define CTL_OPEN_STORE_H

#include "store/entitlements.h"
#include "verb.h"

struct store_view {
	struct entitlements *store;
	struct look *look;
};

/* The sentence says which setting names the place. store_view_close whatever the outcome. */
NODISCARD enum error store_view_open(const struct call *c, struct store_view *ret_v, struct problem *why);
void store_view_close(struct store_view *v);

#endif
