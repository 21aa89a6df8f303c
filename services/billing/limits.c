#include "limits.h"

#include <pthread.h>
#include <stdlib.h>

struct asker {
	uint64_t id;
	int64_t due_us; /* when what was taken would be paid off; 0: free */
};

struct limits {
	uint64_t seed;
	pthread_mutex_t locks[LIMITS_LOCKS];
	struct asker sets[LIMITS_SETS][LIMITS_WAYS];
};

struct limits *limits_create(uint64_t seed) {
	struct limits *l = calloc(1, sizeof *l);
	if (!l) return NULL;
	l->seed = seed;
	for (unsigned i = 0; i < LIMITS_LOCKS; i++) pthread_mutex_init(&l->locks[i], NULL);
	return l;
}

void limits_destroy(struct limits **pointer) {
	struct limits *l = pointer ? *pointer : NULL;
	if (!l) return;
	for (unsigned i = 0; i < LIMITS_LOCKS; i++) pthread_mutex_destroy(&l->locks[i]);
	free(l);
	*pointer = NULL;
}

static struct asker *find(struct asker *set, uint64_t id) {
	struct asker *least = &set[0];
	for (unsigned w = 0; w < LIMITS_WAYS; w++) {
		if (set[w].id == id && set[w].due_us) return &set[w];
		if (set[w].due_us < least->due_us) least = &set[w];
	}
	*least = (struct asker){.id = id};
	return least;
}

int64_t limits_take(struct limits *l, struct view subject, struct view name, unsigned per_minute, int64_t now_ms) {
	if (!per_minute) return 0;
	uint64_t id = view_hash(hash_u64(view_hash(hash_u64(HASH_SEED, l->seed), subject), subject.len), name);
	int64_t step_us = INT64_C(60000000) / per_minute, now_us = now_ms * 1000;
	int64_t ahead_us = step_us * (per_minute / 4 ? per_minute / 4 : 1); /* what may be taken at once */
	unsigned s = (unsigned)(id >> 20) % LIMITS_SETS;
	int64_t wait_us = 0;
	pthread_mutex_lock(&l->locks[s % LIMITS_LOCKS]);
	struct asker *a = find(l->sets[s], id);
	int64_t due_us = (a->due_us > now_us ? a->due_us : now_us) + step_us;
	if (due_us - now_us > ahead_us)
		wait_us = due_us - now_us - ahead_us;
	else
		a->due_us = due_us;
	pthread_mutex_unlock(&l->locks[s % LIMITS_LOCKS]);
	return (wait_us + 999) / 1000;
}
