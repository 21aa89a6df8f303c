/* Health: is the service ready, why not, and the few facts an operator asks for first.
 *
 * A condition is something that must hold before work can be done ("journal": open). It starts not met,
 * and any thread may meet or break it. The service is ready when all conditions are met. Facts are
 * numbers and short texts. Rendered as {"ready":bool,"why":["journal: not open yet"],"facts":{…}}.
 * All calls lock for a moment; update facts a few times a second, not per event.
 *
 * Facts that `tiergate status` reads, where a service has them:
 *   service, version, mode (text) · backlog (records not applied yet) · last_event_ms (wall clock, of the last
 *   one handled) · head, cursor (sequences) · quarantine (entries) · map_used, map_size (bytes) · store_ver
 */
#ifndef SERVICE_HEALTH_H
#define SERVICE_HEALTH_H

#include "base/error.h"
#include "base/view.h"

#define HEALTH_CONDITIONS_MAX 16
#define HEALTH_FACTS_MAX 48
#define HEALTH_TEXT_MAX 200 /* bytes of a reason or of a text fact; longer ones are cut */

struct health;

NODISCARD struct health *health_create(void); /* NULL when out of memory */
void health_destroy(struct health **h);

/* name: a literal. Declares it when it is new (past the limit: ignored and never ready). why: copied. */
void health_broken(struct health *h, const char *name, const char *why);
void health_met(struct health *h, const char *name);

void health_fact_u64(struct health *h, const char *name, uint64_t n);
void health_fact_i64(struct health *h, const char *name, int64_t n);
void health_fact_bool(struct health *h, const char *name, bool b);
void health_fact_text(struct health *h, const char *name, const char *text); /* copied; bytes not UTF-8 become '?' */

bool health_ready(struct health *h);
/* JSON text that the caller frees, and whether it says ready. NULL when out of memory. */
NODISCARD char *health_render(struct health *h, bool *ret_ready);

#endif
