/* libcurl's multi handle behind one epoll descriptor: what the HTTP clients of this layer share. One thread. */
#ifndef NET_CURL_LOOP_H
#define NET_CURL_LOOP_H

#include <curl/curl.h>

#include "base/attr.h"
#include "base/error.h"

#include <stdbool.h>
#include <stdint.h>

struct curl_loop {
	int epoll;
	bool global; /* libcurl counts who uses it */
	CURLM *multi;
	int64_t timer_ms; /* when curl wants to be called, of CLOCK_MONOTONIC; -1: it does not */
};

/* It stays where it is: curl keeps its address. ERR_MEMORY, ERR_UNAVAILABLE; curl_loop_close in any case. */
NODISCARD enum error curl_loop_open(struct curl_loop *l, struct problem *why);
/* Of one that was opened, wholly or in part, or is all zeros; easy handles are gone by then. */
void curl_loop_close(struct curl_loop *l);
/* At most `most`; 0 when curl_loop_run should be called at once. */
int64_t curl_loop_wait_ms(const struct curl_loop *l, int64_t most);
/* Moves what can be moved. What is finished then waits in curl_multi_info_read. */
void curl_loop_run(struct curl_loop *l);
/* Begins a request anew, with what holds for all of them: http and https alone, no redirects, no proxy to this machine,
 * TLS verified, no signals. The times are milliseconds. Connections stay: they belong to the multi handle. */
void curl_request(CURL *curl, const char *url, int64_t deadline_ms, int64_t connect_ms);

#endif
