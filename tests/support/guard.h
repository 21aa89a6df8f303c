/* Input flush against a page that nobody may read: one byte too far is a SIGSEGV, with or without sanitizers. */
#ifndef SUPPORT_GUARD_H
#define SUPPORT_GUARD_H

#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "base/view.h"

struct guard {
	char *map;
	size_t room; /* readable bytes in front of the guard page */
	size_t page;
};

/* For inputs of up to `most` bytes. */
static inline struct guard guard_open(size_t most) {
	size_t page = (size_t)sysconf(_SC_PAGESIZE);
	size_t room = (most + page) / page * page;
	char *map = mmap(NULL, room + page, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	if (map == MAP_FAILED || mprotect(map + room, page, PROT_NONE) != 0) abort();
	return (struct guard){map, room, page};
}

/* A copy whose last byte is the last readable one. It lives until the next call. */
static inline struct view guard_copy(const struct guard *g, struct view v) {
	if (v.len > g->room) abort();
	if (v.len) memcpy(g->map + g->room - v.len, v.ptr, v.len);
	return view_of(g->map + g->room - v.len, v.len);
}

static inline void guard_close(struct guard *g) { (void)munmap(g->map, g->room + g->page); }

#endif
