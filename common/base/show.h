/* What somebody typed or sent, fit for a sentence: cut, and only printable ASCII. Never for a secret. */
#ifndef BASE_SHOW_H
#define BASE_SHOW_H

#include "base/view.h"

struct shown {
	char text[64];
};

/* problem_set(why, ERR_CONFIG, "'%s' is no number", show(v).text) */
static inline struct shown show(struct view v) {
	struct shown s = {{0}};
	for (size_t i = 0; i < v.len && i < sizeof s.text - 1; i++) {
		char c = v.ptr[i];
		if (c < ' ' || c > '~') c = '?';
		s.text[i] = c;
	}
	return s;
}
static inline struct shown show_str(const char *text) { return show(view_str(text)); }

#endif
