/* Records that did not come from Stripe as an event: what the reconciler and the operator append.
 *
 * RECORD_SNAPSHOT  body: the object as the API returned it, lists completed (has_more false).
 *                  type: its "object" ("subscription"), or FACT_MISSING when the API has no such object; then the body
 * is
 *                  {"object":"tiergate.missing","fetch":"subscription","id":"sub_1"}. A list that answers a question
 *                  (FETCH_SUBSCRIPTIONS_OF, FETCH_PAYMENTS_OF_…) comes as one record for each object of it, and
 *                  last a FACT_ANSWERED of the same form, whether the list was empty or not.
 *                  created: the second in which the object was surely already so, by Stripe's clock: the Date of the
 *                  answer, less one, less the whole seconds that the request took. An event of that second ties with
 * it. id: "snap_" + object id + "_" + created + "_" + 8 hex digits of the body's CRC-32, so that the same answer twice
 * is a duplicate. Cut to STRIPE_ID_MAX from the object id's end. RECORD_OVERRIDE  type: "tiergate.override". id: of the
 * record, unique: the override's id + "_g" or "_r". body:
 * {"object":"tiergate.override","id":"ovr_…","subject":"alice","op":"grant",
 *                         "tier":"pro","from":0,"until":1767225600,"why":"…","by":"…"}
 *                  or {"object":…,"id":…,"subject":…,"op":"revoke","why":"…","by":"…"}.
 *                  created: when the operator did it, by his clock.
 * RECORD_MARK      type: "tiergate.mark". id: "mark_" + created + "_" + 8 random hex digits. body: the fields of struct
 * reconcile_mark.
 *
 * Writers: JSON text, to be freed by the caller; NULL when out of memory or a part is over its limit.
 */
#ifndef PROTO_FACT_H
#define PROTO_FACT_H

#include "domain/observation.h"
#include "proto/record.h"

#define FACT_MISSING "tiergate.missing"
#define FACT_ANSWERED "tiergate.answered"
#define FACT_OVERRIDE "tiergate.override"
#define FACT_MARK "tiergate.mark"

NODISCARD char *fact_missing_write(const struct fetch *f);
NODISCARD char *fact_answered_write(const struct fetch *f);
NODISCARD char *fact_override_write(const struct override_observation *o);
NODISCARD char *fact_mark_write(const struct reconcile_mark *m);

/* The id of a snapshot's record into out[STRIPE_ID_MAX + 1]. */
void fact_snapshot_id(struct view object_id, int64_t created, struct view body, char *out);

#endif
