/* What a request to Stripe's API says: form parameters, in a body or a query, and paths with an id in them.
 *
 *     stripe_path(&w, "/v1/subscriptions/{id}", id);
 *     stripe_param(&w, "expand[]", VIEW("items.data.price"));
 *
 * gives "/v1/subscriptions/sub_1?expand%5B%5D=items.data.price". Everything but RFC 3986's unreserved characters is
 * percent-encoded, so no value ends its parameter or its path segment. The writer fails when it is full.
 */
#ifndef NET_STRIPE_FORM_H
#define NET_STRIPE_FORM_H

#include "base/bytes.h"

/* template: a path, perhaps with a query, in which each "{id}" is replaced. */
void stripe_path(struct writer *w, const char *template, struct view id);
/* Adds a parameter to a path: with '?' when it is the first, else with '&'. */
void stripe_param(struct writer *w, const char *key, struct view value);
void stripe_param_number(struct writer *w, const char *key, int64_t n);
/* The same for a body: with '&' unless it is the first thing written. */
void stripe_field(struct writer *w, const char *key, struct view value);
void stripe_field_number(struct writer *w, const char *key, int64_t n);
/* Ends the text with a NUL, which is not part of writer_view's length any more after it. The text, or NULL when the
 * writer failed. */
const char *stripe_text_end(struct writer *w);

#endif
