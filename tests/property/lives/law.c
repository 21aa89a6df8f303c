#include "lives/law.h"

#include <stdarg.h>
#include <stdlib.h>

bool random_chance(struct random *r, unsigned percent) { return random_below(r, 100) < percent; }

void random_shuffle(struct random *r, unsigned *order, unsigned count) {
	for (unsigned i = count; i > 1; i--) {
		unsigned j = (unsigned)random_below(r, i), kept = order[i - 1];
		order[i - 1] = order[j];
		order[j] = kept;
	}
}

static uint64_t number_from(const char *name, uint64_t fallback) {
	const char *text = getenv(name);
	if (!text || !*text) return fallback;
	char *end = NULL;
	uint64_t n = strtoull(text, &end, 0);
	if (*end) {
		fprintf(stderr, "%s is not a number: %s\n", name, text);
		exit(64);
	}
	return n;
}

uint64_t law_seed(void) {
	static struct random seed;
	static bool known;
	if (!known) seed = random_start();
	known = true;
	return seed.state;
}

struct random law_random(const char *law) {
	return (struct random){view_hash(hash_u64(HASH_SEED, law_seed()), view_str(law))};
}
uint64_t law_rounds(uint64_t fallback) { return number_from("TIERGATE_ROUNDS", fallback); }

void text_free(struct text *t) {
	free(t->bytes);
	*t = (struct text){0};
}

void text_clear(struct text *t) { t->len = 0; }

void text_add(struct text *t, const char *fmt, ...) {
	for (;;) {
		va_list args;
		va_start(args, fmt);
		int n = vsnprintf(t->bytes ? t->bytes + t->len : NULL, t->size - t->len, fmt, args);
		va_end(args);
		if (n < 0) abort();
		if ((size_t)n < t->size - t->len) {
			t->len += (size_t)n;
			return;
		}
		t->size = 2 * t->size + (size_t)n + 4096;
		t->bytes = realloc(t->bytes, t->size);
		if (!t->bytes) abort();
	}
}

bool text_eq(const struct text *a, const struct text *b) {
	return a->len == b->len && (a->len == 0 || memcmp(a->bytes, b->bytes, a->len) == 0);
}
