/* Lists inside an object that have more pages than the answer shows: {"object":"list","has_more":true,"url":"/v1/…",…}
 * as a member of the object itself. They are completed page by page, so that an object is appended whole.
 * https://docs.stripe.com/api/pagination
 */
#ifndef RECONCILER_LISTS_H
#define RECONCILER_LISTS_H

#include <jansson.h>

#include <stdbool.h>

#include "base/error.h"

#define LISTS_PAGES_MAX 64 /* of one object; what is longer is no object of ours */

/* The path of the next page that the object lacks, into path. False: it is whole. ERR_… never: what cannot be
 * completed (no url of Stripe's, no last id) counts as whole, and the decoder says what is wrong with it. */
bool lists_next(const json_t *object, char *path, size_t size);
/* Adds the page that lists_next asked for. ERR_MALFORMED: it is no page, or brings nothing new and has more. */
NODISCARD enum error lists_add(json_t *object, const json_t *page);

/* A page of an answer itself: {"object":"list","data":[…],"has_more":…}. */
bool page_valid(const json_t *page);
bool page_more(const json_t *page);
/* The id of its last object; NULL when there is none. */
const char *page_last(const json_t *page);

#endif
