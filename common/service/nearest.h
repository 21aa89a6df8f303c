/* "did you mean": the nearest of a few names to a misspelt one. */
#ifndef SERVICE_NEAREST_H
#define SERVICE_NEAREST_H

#include "base/view.h"

/* struct nearest n = {0}; nearest_try for each name; n.name is the nearest, or NULL when none is near. */
struct nearest {
	const char *name;
	size_t distance;
};
void nearest_try(struct nearest *n, struct view typed, const char *name);

#endif
