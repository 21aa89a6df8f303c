#include "lives/table_row.h"

#include <stdlib.h>

#include "proto/state.h"

void table_row_make(struct table_row *row, const struct table *t) {
	struct writer w = writer_of(row->bytes, sizeof row->bytes);
	subject_row_begin(&w, 1, t->grant_count);
	for (unsigned i = 0; i < t->grant_count; i++) subject_row_grant(&w, &t->grants[i]);
	subject_row_overrides(&w, t->override_count);
	for (unsigned i = 0; i < t->override_count; i++) subject_row_override(&w, &t->overrides[i]);
	row->catalog = &t->catalog;
	if (w.failed) abort(); /* far from it */
	row->view = writer_view(&w);
}

void table_row_random(struct table_row *row, struct table *t, struct random *r) {
	table_random_grants(t, r, TABLE_GRANTS_MAX);
	table_random_overrides(t, r, random_chance(r, 30) ? TABLE_OVERRIDES_MAX : 0);
	table_row_make(row, t);
	if (random_chance(r, 3)) row->view = VIEW_NONE;
}

enum error table_row_at(const void *row, int64_t at, struct entitlement *ret_e) {
	const struct table_row *mine = row;
	return subject_row_entitlement(mine->view, mine->catalog, at, ret_e);
}
