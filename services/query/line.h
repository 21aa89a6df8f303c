/* Lines (domain/line.h) of the store's subjects, as they go out. */
#ifndef QUERY_LINE_H
#define QUERY_LINE_H

#include "proto/tg01_line.h"
#include "store/entitlements.h"

struct line_maker {
	struct look *look; /* renewed */
	const struct catalog *catalog;
	int64_t now; /* the lines' first moment */
	struct line line;
	struct tg01_line_space space;
};

/* Empty (count 0) for a row that cannot be read. It lives until the maker's next call. */
struct tg01_line line_of_row(struct line_maker *m, struct view row);

/* Of a subject, unknown ones included. Empty for a customer's id without a row of its own: it stands for whom it pays
 * for, or may come to, and then nobody who keeps the line would hear of a change. Empty too when the store cannot be
 * read. */
struct tg01_line line_of_subject(struct line_maker *m, const struct scope *scope, struct view subject);

#endif
