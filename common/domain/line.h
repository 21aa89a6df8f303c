/* What a subject has from a moment on, if nothing happens: steps, each an entitlement that holds until the next one's
 * moment. Who has the line and the catalog answers by the clock alone what the row would: entitlement_decide of
 * a step is that of the row at every moment from the step's on (a law in tests/property).
 */
#ifndef DOMAIN_LINE_H
#define DOMAIN_LINE_H

#include "base/error.h"
#include "domain/entitlement.h"

#define LINE_STEPS_MAX 8
#define LINE_LOOKS_MAX 32 /* moments that are looked at: `changes_at` may name some at which nothing changes */

struct line {
	unsigned count;                           /* 1 to LINE_STEPS_MAX */
	struct entitlement steps[LINE_STEPS_MAX]; /* each from its `now` on, which ascend */
	int64_t until; /* from then on the line says nothing; 0: the last step holds for good */
};

/* Gives the entitlement at a moment, of the same subject each time. */
typedef enum error line_look(const void *ctx, int64_t at, struct entitlement *ret_e);

/* The line from `now` on. The look's failure is returned, and *ret_l is undefined then. Views are those of the look. */
NODISCARD enum error line_make(line_look *look, const void *ctx, int64_t now, struct line *ret_l);

/* The step that holds then; NULL before the first and from `until` on. */
const struct entitlement *line_at(const struct line *l, int64_t at);

/* Does any check, or the profile, tell the two apart? Which subscription and event are behind it does not count. */
bool entitlement_same(const struct entitlement *a, const struct entitlement *b);

#endif
