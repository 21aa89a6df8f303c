/* What the halves of bench_check_load share: whom to ask about, and what was measured. */
#ifndef BENCH_CHECK_LOAD_H
#define BENCH_CHECK_LOAD_H

#include "proto/tg01.h"
#include "samples.h"

#include <stdbool.h>

#define CLIENTS_MAX 512

struct load {
	const char *salt;
	uint64_t subjects, random, denied, errors, checks;
	unsigned batch; /* 0: single checks */
	size_t reply_bytes;
	struct samples samples;
	int64_t sent_ns[CLIENTS_MAX];
};

uint64_t next_subject(struct load *l);
/* One request's map; it lives until the next call. */
struct view next_request(struct load *l);
/* A reply's map, for client i. It looks for `"err"` rather than decoding: the client's cost is not what is measured. */
void took_reply(struct load *l, int i, struct view reply);
void finish(struct load *l, int i, bool ok);
int report(struct load *l, int64_t start);

/* Sockets of their own, without a library: one thread, one epoll. */
int run_raw(struct load *l, bool redis, const char *at, int clients, double seconds);

#endif
