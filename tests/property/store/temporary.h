/* A store of a law's own. */
#ifndef PROPERTY_STORE_TEMPORARY_H
#define PROPERTY_STORE_TEMPORARY_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#include "store/entitlements.h"
#include "support/scratch.h"

struct temporary {
	struct scratch scratch;
	struct entitlements *e;
	struct look *look;
};

static inline void temporary_open(struct temporary *t) {
	struct problem why = {0};
	scratch_make(&t->scratch);
	const struct entitlements_options o = {
		.dir = t->scratch.dir, .map_size = 64u << 20, .epoch = 1, .no_sync = true};
	if (entitlements_open(&o, &t->e, &why)) fail_msg("%s", problem_text(&why));
	assert_int_equal(look_begin(t->e, &t->look, &why), OK);
}

static inline void temporary_close(struct temporary *t) {
	look_end(&t->look);
	entitlements_close(&t->e);
	scratch_remove(&t->scratch);
}

#endif
