/* What the files of Stripe's client share; nobody else includes this.
 *
 *   stripe_api.c         create, call, run: curl's multi handle on an epoll descriptor
 *   stripe_api_answer.c  from a finished transfer to a struct stripe_answer
 *   stripe_api_check.c   base and key
 */
#ifndef NET_STRIPE_API_PRIVATE_H
#define NET_STRIPE_API_PRIVATE_H

#include <curl/curl.h>

#include "net/stripe_api.h"

struct stripe_slot {
	struct stripe_api *api;
	CURL *curl; /* kept for the next request */
	bool busy;
	void (*done)(void *ctx, const struct stripe_answer *a);
	void *ctx;
	struct curl_slist *headers;
	char *form;
	char *body; /* NUL-terminated after len; NULL: none came */
	size_t len, size;
	bool too_large;
	char detail[CURL_ERROR_SIZE];
};

/* The transfer of the slot is over: says what came of it to the slot's `done`. The slot is free before that. */
void stripe_slot_finish(struct stripe_slot *s, CURLcode code);

#endif
