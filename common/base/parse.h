/* Strict parsing of small text values: one canonical form each, whole input or nothing. */
#ifndef BASE_PARSE_H
#define BASE_PARSE_H

#include "base/attr.h"
#include "base/view.h"

/* Decimal digits only: no sign, space, leading zero (but "0") or overflow. */
NODISCARD bool parse_u64(struct view text, uint64_t max, uint64_t *ret_n);

/* A duration: digits and one unit of ms s m h d ("90s", "7d"); "0" alone is 0.
 * The result is in milliseconds and at most 10 years. */
NODISCARD bool parse_duration_ms(struct view text, int64_t *ret_ms);

/* RFC 3339 / ISO 8601 UTC, as Stripe's v2 events write it: "2026-11-22T10:45:18Z" or with a
 * fraction, which is cut. Years 1970 to 9999. Seconds since the epoch. */
NODISCARD bool parse_rfc3339(struct view text, int64_t *ret_seconds);

#define RFC3339_SIZE sizeof "9999-12-31T23:59:59Z"
/* Writes the UTC time and a NUL. Out of the years 1970 to 9999: the nearest end. */
void format_rfc3339(int64_t seconds, char out[RFC3339_SIZE]);

#endif
