/* Between the lines of domain/line.h, which know a catalog, and those on the wire, which name its tiers. */
#ifndef PROTO_TG01_LINE_H
#define PROTO_TG01_LINE_H

#include "domain/line.h"
#include "proto/tg01.h"

_Static_assert(TG01_STEPS_MAX == LINE_STEPS_MAX, "the wire takes every line");

struct tg01_line_space {
	struct tg01_step steps[LINE_STEPS_MAX];
	struct tg01_grant grants[LINE_STEPS_MAX][TIERS_MAX];
};

/* Points into the space; its names are the catalog's and literals. */
struct tg01_line tg01_line_of(const struct line *l, struct tg01_line_space *space);

/* The step as the server had it: entitlement_decide gives what a check gives while the step holds, and the profile's
 * fields are its. What a step does not tell (which subscription, the rule, changes_at) is empty.
 * ERR_NOT_FOUND: it names a tier that the catalog does not have. ERR_VERSION: it names a reason or a status that
 * this program does not know. In both cases the step cannot be answered from. */
NODISCARD enum error tg01_step_entitlement(const struct tg01_step *s, const struct catalog *c,
					   struct entitlement *ret_e);

/* The step that holds then; NULL before the first and from `until` on. */
const struct tg01_step *tg01_line_at(const struct tg01_line *l, int64_t at);

#endif
