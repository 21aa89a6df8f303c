/* Two stores side by side: what a rebuild has changed. */
#ifndef CTL_REBUILD_H
#define CTL_REBUILD_H

#include "open_store.h"

#define REBUILD_SHOWN_MAX 20 /* subjects that are named */

/* Adds "old" and "new" (epoch, subjects, digest), "differing" (subjects whose answer is another) and "some" of them to
 * o. old may be NULL: there was none that can be read. */
NODISCARD enum error rebuild_compare(struct store_view *old, struct store_view *fresh, const struct catalog *catalog,
				     int64_t now, json_t *o);

#endif
