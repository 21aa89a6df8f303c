#include "service/nearest.h"

#define NAME_BOUND 64

/* Levenshtein's distance, for names of at most NAME_BOUND bytes. */
static size_t distance(struct view a, struct view b) {
	size_t row[NAME_BOUND + 1];
	for (size_t j = 0; j <= b.len; j++) row[j] = j;
	for (size_t i = 1; i <= a.len; i++) {
		size_t diagonal = row[0];
		row[0] = i;
		for (size_t j = 1; j <= b.len; j++) {
			size_t change = diagonal + (a.ptr[i - 1] != b.ptr[j - 1]);
			diagonal = row[j];
			size_t best = row[j] < row[j - 1] ? row[j] + 1 : row[j - 1] + 1;
			row[j] = change < best ? change : best;
		}
	}
	return row[b.len];
}

void nearest_try(struct nearest *n, struct view typed, const char *name) {
	struct view v = view_str(name);
	if (typed.len > NAME_BOUND || v.len > NAME_BOUND) return;
	size_t d = distance(typed, v);
	if (d > 3 || d * 2 > v.len || (n->name && d >= n->distance)) return;
	n->name = name;
	n->distance = d;
}
