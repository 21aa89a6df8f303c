/* Records that did not come from Stripe as an event: what the reconciler and the operator append.
 *
 * RECORD_SNAPSHOT  An object as the API returned it, its lists completed (has_more false).
 *   type     its "object" ("subscription"); FACT_MISSING when the API has no such object
 *   id       fact_snapshot_id
 *   created  the second in which the object was surely already so, by Stripe's clock: the Date of the answer, less
 *            one, less the whole seconds that the request took. An event of that second ties with it.
 *   body     the object; for FACT_MISSING {"object":"tiergate.missing","fetch":"subscription","id":"sub_1"}
 *   A list that answers a question (FETCH_SUBSCRIPTIONS_OF, FETCH_PAYMENTS_OF_…) comes as one record for each
 *   object of it, and last a FACT_ANSWERED of the same form, whether the list was empty or not.
 *
 * RECORD_OVERRIDE  An operator's grant, or its end.
 *   type     FACT_OVERRIDE
 *   id       the override's id + "_g" or "_r"
 *   created  when the operator did it, by his clock
 *   body     {"object":"tiergate.override","id":"ovr_…","subject":"alice","op":"grant","tier":"pro",
 *             "from":0,"until":1767225600,"why":"…","by":"…"}
 *            {"object":"tiergate.override","id":"ovr_…","subject":"alice","op":"revoke","why":"…","by":"…"}
 *
 * RECORD_MARK      A pass of the reconciler that is over.
 *   type     FACT_MARK
 *   id       "mark_" + created + "_" + 8 random hex digits
 *   created  when it was over
 *   body     {"object":"tiergate.mark", and the fields of struct reconcile_mark}
 *
 * All of these are read by stripe_decode, strictly: every field named above is there and of its type, and the
 * override's id is the record's. Keys beyond them are ignored.
 */
#ifndef PROTO_FACT_H
#define PROTO_FACT_H

#include "domain/observation.h"
#include "proto/record.h"

#define FACT_MISSING "tiergate.missing"
#define FACT_ANSWERED "tiergate.answered"
#define FACT_OVERRIDE "tiergate.override"
#define FACT_MARK "tiergate.mark"

/* JSON text, to be freed by the caller. NULL when out of memory, or when the value is one that the reader would
 * refuse: a part over its limit, not UTF-8 or with a NUL in it, a missing id, subject or tier, a negative time, a count
 * over INT64_MAX. */
NODISCARD char *fact_missing_write(const struct fetch *f);
NODISCARD char *fact_answered_write(const struct fetch *f);
NODISCARD char *fact_override_write(const struct override_observation *o);
NODISCARD char *fact_mark_write(const struct reconcile_mark *m);

/* The id of a snapshot's record: "snap_" + the object's id + "_" + created + "_" + 8 hex digits of the body's CRC-32,
 * so that the same answer twice is a duplicate. A long object id is cut at its end, so that all fits. */
void fact_snapshot_id(struct view object_id, int64_t created, struct view body, char out[STRIPE_ID_MAX + 1]);
/* The id of an override's record. The override's own id has 1 to FACT_OVERRIDE_ID_MAX bytes. */
#define FACT_OVERRIDE_ID_MAX (STRIPE_ID_MAX - 2)
void fact_override_id(const struct override_observation *o, char out[STRIPE_ID_MAX + 1]);

#endif
