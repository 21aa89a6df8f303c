/* What the three quarantine verbs share: the name of an entry and its JSON. */
#ifndef CTL_QUARANTINE_H
#define CTL_QUARANTINE_H

#include "base/error.h"
#include "open_store.h"

/* "ORIGIN/SEQ": the origin as 16 hex digits, as `list` prints it, or as a shorter or longer decimal, as logs have it.
 * ERR_USAGE. */
NODISCARD enum error quarantine_name(const char *text, uint64_t *ret_origin, uint64_t *ret_seq, struct problem *why);
json_t *unmapped_json(const struct unmapped_price *u);
json_t *quarantined_json(const struct quarantined *q);

#endif
