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

static unsigned set_of(uint64_t id) { return (unsigned)(id >> 20) % LIMITS_SETS; }

static struct asker *find(struct asker *set, uint64_t id) {
	struct asker *least = &set[0];
	for (unsigned w = 0; w < LIMITS_WAYS; w++) {
		if (set[w].id == id && set[w].due_us) return &set[w];
		if (set[w].due_us < least->due_us) least = &set[w];
	}
	*least = (struct asker){.id = id};
	return least;
}

static int64_t step_of(struct rate rate) { return INT64_C(60000000) / rate.per_minute; }

/* `insists`: whether they may be or not. */
static int64_t take(struct limits *l, uint64_t id, struct rate rate, unsigned n, int64_t now_ms, bool insists) {
	int64_t step_us = step_of(rate), now_us = now_ms * 1000;
	unsigned at_once = rate.at_once ? rate.at_once : rate.per_minute / 4;
	int64_t ahead_us = step_us * (at_once > n ? at_once : n); /* what may be taken at once */
	unsigned s = set_of(id);
	int64_t wait_us = 0;
	pthread_mutex_lock(&l->locks[s % LIMITS_LOCKS]);
	struct asker *a = find(l->sets[s], id);
	int64_t due_us = (a->due_us > now_us ? a->due_us : now_us) + step_us * n;
	if (due_us - now_us > ahead_us && !insists)
		wait_us = due_us - now_us - ahead_us;
	else
		a->due_us = due_us;
	pthread_mutex_unlock(&l->locks[s % LIMITS_LOCKS]);
	return (wait_us + 999) / 1000;
}

static uint64_t id_of(const struct limits *l, struct view subject, struct view name) {
	return view_hash(hash_u64(view_hash(hash_u64(HASH_SEED, l->seed), subject), subject.len), name);
}

int64_t limits_take(struct limits *l, struct view subject, struct view name, struct rate rate, unsigned n,
		    int64_t now_ms) {
	return rate.per_minute && n ? take(l, id_of(l, subject, name), rate, n, now_ms, false) : 0;
}

void limits_give(struct limits *l, struct view subject, struct view name, struct rate rate, unsigned n) {
	if (!rate.per_minute) return;
	const uint64_t id = id_of(l, subject, name);
	const unsigned s = set_of(id);
	pthread_mutex_lock(&l->locks[s % LIMITS_LOCKS]);
	for (unsigned w = 0; w < LIMITS_WAYS; w++) {
		struct asker *a = &l->sets[s][w];
		if (a->id == id && a->due_us > step_of(rate) * n) a->due_us -= step_of(rate) * n;
	}
	pthread_mutex_unlock(&l->locks[s % LIMITS_LOCKS]);
}

void limits_add(struct limits *l, struct view subject, struct view name, struct rate rate, unsigned n, int64_t now_ms) {
	if (rate.per_minute && n) (void)take(l, id_of(l, subject, name), rate, n, now_ms, true);
}
