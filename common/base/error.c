#include "base/error.h"

#include <stdarg.h>
#include <stdio.h>

struct row {
	const char *code;
	const char *text;
	int exit_code;
	int http;
};

static const struct row rows[] = {
#define X(symbol, code, text, exit_code, http) [symbol] = {code, text, exit_code, http},
	ERROR_TABLE(X)
#undef X
};

static const struct row *row_of(enum error e) { return (unsigned)e < ERROR_COUNT ? &rows[e] : &rows[ERR_INTERNAL]; }

const char *error_code(enum error e) { return row_of(e)->code; }
const char *error_text(enum error e) { return row_of(e)->text; }
int error_exit_code(enum error e) { return row_of(e)->exit_code; }
int error_http_status(enum error e) { return row_of(e)->http; }

enum error(problem_set)(struct problem *p, enum error e, const char *fmt, ...) {
	if (p) {
		va_list args;
		va_start(args, fmt);
		p->error = e;
		(void)vsnprintf(p->text, sizeof p->text, fmt, args);
		va_end(args);
	}
	return e;
}

const char *problem_text(const struct problem *p) { return p->text[0] ? p->text : error_text(p->error); }
