/* Parameters as Stripe takes them: application/x-www-form-urlencoded, with nested names, into a tree.
 *
 *     items[0][price]=price_1&items[0][quantity]=2&metadata[user_id]=alice&expand[]=customer
 *     {"items": [{"price": "price_1", "quantity": "2"}], "metadata": {"user_id": "alice"}, "expand": ["customer"]}
 *
 * Every leaf is a string, since the form says no more; an empty one means "unset", as with Stripe. A group whose names
 * are all numbers is a list in their order, but for what stands under "metadata", whose keys may be anything. `a[]`
 * takes the next place; `a[][b]` goes into the last element unless that has a b already. Of a name that is given twice
 * the last counts.
 *
 * Refused, with the parameter's name: brackets that do not pair, a name that is both a value and a group, a percent
 * sign without two digits, bytes that are not UTF-8, NUL, and what is over these limits.
 */
#ifndef STRIPE_SIM_PARAMS_H
#define STRIPE_SIM_PARAMS_H

#include <jansson.h>

#include "base/error.h"
#include "base/view.h"

#define PARAMS_TEXT_MAX ((size_t)256 * 1024) /* bytes of a body */
#define PARAMS_COUNT_MAX 1000                /* pairs */
#define PARAMS_DEPTH_MAX 8                   /* a[b][c] has 3 */
#define PARAMS_NAME_MAX 256                  /* bytes of a whole name, decoded */
#define PARAMS_VALUE_MAX 5000                /* bytes of a value, decoded; Stripe's limit */
#define PARAMS_LIST_MAX 128                  /* elements of a list, and the highest index + 1 */

/* What is wrong with which parameter, for Stripe's invalid_request_error. */
struct params_fault {
	char param[PARAMS_NAME_MAX + 1]; /* empty: none in particular */
	const char *message;             /* a literal */
};

/* Both build the tree pair by pair. Zero-initialised, params_begin, params_add …, then params_end or params_drop. */
struct params {
	json_t *tree;
	size_t count;
};
NODISCARD enum error params_begin(struct params *ret_p);
/* name and value are decoded already. ERR_BAD_REQUEST with *ret_fault, or ERR_MEMORY. */
NODISCARD enum error params_add(struct params *p, struct view name, struct view value, struct params_fault *ret_fault);
/* An object that the caller owns; p is empty afterwards, also on failure. */
NODISCARD enum error params_end(struct params *p, json_t **ret_tree);
void params_drop(struct params *p);

/* A whole body or query string. */
NODISCARD enum error params_parse(struct view text, json_t **ret_tree, struct params_fault *ret_fault);

#endif
