#include "store/entitlements_internal.h"

enum error look_subjects(struct look *l,
			 bool (*each)(void *ctx, const struct scope *scope, struct view subject, struct view row),
			 void *ctx) {
	struct lmdb_cursor c;
	enum error e = OK;
	lmdb_cursor_open(&l->t, TABLE_SUBJECTS, &c);
	for (bool more = lmdb_first(&c); more; more = lmdb_next(&c)) {
		struct scope scope;
		struct view subject;
		e = state_key_parse(c.key, &scope, &subject);
		if (e || !each(ctx, &scope, subject, c.value)) break;
	}
	lmdb_cursor_close(&c);
	return l->t.error ? l->t.error : e;
}
