/* A table's grants and overrides as a subject's row, as the store has it. */
#ifndef PROPERTY_TABLE_ROW_H
#define PROPERTY_TABLE_ROW_H

#include "base/error.h"
#include "lives/table.h"

struct table_row {
	const struct catalog *catalog; /* the table's: it must outlive the row */
	struct view view;              /* into bytes; VIEW_NONE: the store has no row */
	uint8_t bytes[65536];
};

void table_row_make(struct table_row *row, const struct table *t);
/* New grants and overrides; now and then there is no row. */
void table_row_random(struct table_row *row, struct table *t, struct random *r);
/* For line_make: the row's entitlement at a second; `row` is a struct table_row. */
enum error table_row_at(const void *row, int64_t at, struct entitlement *ret_e);

#endif
