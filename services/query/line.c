#include "line.h"

#include "proto/state.h"

struct row_look {
	struct view row;
	const struct catalog *catalog;
};

static enum error look_at(const void *ctx, int64_t at, struct entitlement *ret_e) {
	const struct row_look *r = ctx;
	return subject_row_entitlement(r->row, r->catalog, at, ret_e);
}

struct tg01_line line_of_row(struct line_maker *m, struct view row) {
	const struct row_look r = {row, m->catalog};
	if (line_make(look_at, &r, m->now, &m->line)) return (struct tg01_line){0};
	return tg01_line_of(&m->line, &m->space);
}

struct tg01_line line_of_subject(struct line_maker *m, const struct scope *scope, struct view subject) {
	struct view row = VIEW_NONE;
	enum error e = look_own_row(m->look, scope, subject, &row);
	if (e && (e != ERR_NOT_FOUND || view_starts(subject, VIEW("cus_")))) return (struct tg01_line){0};
	return line_of_row(m, row);
}
