/* Clocks that stand still until the test moves them: linked instead of service/clock.c's, so that no machine is too
 * slow for what the test says of a moment. For one file of a program. */
#ifndef SUPPORT_STILL_CLOCK_H
#define SUPPORT_STILL_CLOCK_H

#include "service/clock.h"

#define STILL_WALL_S INT64_C(1790000000) /* 2026-09-21T14:13:20Z, when still_ms is 0 */

static int64_t still_ms = 1000000;

int64_t mono_ms(void) { return still_ms; }
int64_t mono_us(void) { return still_ms * 1000; }
int64_t wall_ms(void) { return STILL_WALL_S * 1000 + still_ms; }
int64_t wall_s(void) { return wall_ms() / 1000; }

#endif
