/* Texts to pointers: a hash table that only grows. The values belong to the caller. */
#ifndef STRIPE_SIM_MAP_H
#define STRIPE_SIM_MAP_H

#include "base/attr.h"
#include <stdbool.h>
#include <stddef.h>

struct map;

struct map *map_create(void); /* NULL: no memory */
void map_destroy(struct map **m);
/* NULL: not there. */
void *map_get(const struct map *m, const char *key);
/* Copies the key; a value that was there is replaced. False: no memory. */
bool map_put(struct map *m, const char *key, void *value);
/* Calls f for each value, in no order. */
void map_each(const struct map *m, void (*f)(void *value));

#endif
