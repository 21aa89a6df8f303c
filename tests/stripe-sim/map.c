#include "map.h"

#include <stdlib.h>

#include "base/view.h"

#define FIRST_ROOM ((size_t)64) /* a power of two */

struct slot {
	char *key; /* NULL: free */
	uint64_t hash;
	void *value;
};

struct map {
	struct slot *slots;
	size_t count, room;
};

struct map *map_create(void) {
	struct map *m = calloc(1, sizeof *m);
	if (!m) return NULL;
	m->room = FIRST_ROOM;
	m->slots = calloc(m->room, sizeof *m->slots);
	if (!m->slots) map_destroy(&m);
	return m;
}

void map_destroy(struct map **pm) {
	struct map *m = pm ? *pm : NULL;
	if (!m) return;
	*pm = NULL;
	for (size_t i = 0; m->slots && i < m->room; i++) free(m->slots[i].key);
	free(m->slots);
	free(m);
}

/* Where the key is, or the free slot where it would go: at most three quarters are taken. */
static struct slot *find(struct slot *slots, size_t room, uint64_t hash, const char *key) {
	for (size_t i = (size_t)hash & (room - 1);; i = (i + 1) & (room - 1)) {
		struct slot *s = &slots[i];
		if (!s->key || (s->hash == hash && strcmp(s->key, key) == 0)) return s;
	}
}

void *map_get(const struct map *m, const char *key) {
	struct slot *s = find(m->slots, m->room, view_hash(HASH_SEED, view_str(key)), key);
	return s->key ? s->value : NULL;
}

static bool grow(struct map *m) {
	size_t room = m->room * 2;
	struct slot *slots = calloc(room, sizeof *slots);
	if (!slots) return false;
	for (size_t i = 0; i < m->room; i++)
		if (m->slots[i].key) *find(slots, room, m->slots[i].hash, m->slots[i].key) = m->slots[i];
	free(m->slots);
	m->slots = slots;
	m->room = room;
	return true;
}

bool map_put(struct map *m, const char *key, void *value) {
	if (m->count >= m->room / 4 * 3 && !grow(m)) return false;
	uint64_t hash = view_hash(HASH_SEED, view_str(key));
	struct slot *s = find(m->slots, m->room, hash, key);
	if (!s->key) {
		char *copy = strdup(key);
		if (!copy) return false;
		*s = (struct slot){.key = copy, .hash = hash};
		m->count++;
	}
	s->value = value;
	return true;
}

void map_each(const struct map *m, void (*f)(void *value)) {
	for (size_t i = 0; m && i < m->room; i++)
		if (m->slots[i].key) f(m->slots[i].value);
}
