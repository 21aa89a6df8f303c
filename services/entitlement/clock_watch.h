/* Was the wall clock set? Told by the monotonic one beside it. Pure.
 *
 * Forward is no news: what became due is due. Backward, answers that were logged as changed by time may not be so (any
 * more), and all are evaluated again. */
#ifndef ENTITLEMENT_CLOCK_WATCH_H
#define ENTITLEMENT_CLOCK_WATCH_H

#include <stdbool.h>
#include <stdint.h>

#define CLOCK_BACK_MS 2000 /* less, also in small steps, is a clock that is being steered */

struct clock_watch {
	bool known;
	int64_t ahead_ms; /* wall less monotonic, the greatest since the clock was last set back */
};

/* True: the wall clock went back by more than CLOCK_BACK_MS since the last true, or since the first call. */
bool clock_watch_back(struct clock_watch *c, int64_t wall_ms, int64_t mono_ms);

#endif
