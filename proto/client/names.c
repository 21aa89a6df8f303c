#include "private.h"

#include <stdlib.h>

#define CELLS (2 * NAMES_MAX)

struct names {
	unsigned count;
	char *cells[CELLS];
};

struct names *tgc_names_create(void) {
	return calloc(1, sizeof(struct names));
}

void tgc_names_destroy(struct names **n) {
	if (!n || !*n) return;
	for (unsigned i = 0; i < CELLS; i++) free((*n)->cells[i]);
	free(*n);
	*n = NULL;
}

const char *tgc_name(struct names *n, struct view v) {
	unsigned i = (unsigned)(view_hash(HASH_SEED, v) % CELLS);
	if (v.len == 0) return "";
	for (; n->cells[i]; i = (i + 1) % CELLS)
		if (view_eq(view_str(n->cells[i]), v)) return n->cells[i];
	char *made = n->count < NAMES_MAX ? malloc(v.len + 1) : NULL;
	if (!made) return "";
	memcpy(made, v.ptr, v.len);
	made[v.len] = '\0';
	n->cells[i] = made;
	n->count++;
	return made;
}
