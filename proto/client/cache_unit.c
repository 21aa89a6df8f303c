#include "cache_private.h"

static word64 *unit_words(const struct units *u, uint32_t unit) { return u->words + (size_t)unit * UNIT_WORDS; }

static uint32_t take(struct units *u) {
	const uint32_t unit = u->free;
	if (!unit) return u->cut++;
	u->free = (uint32_t)load(unit_words(u, unit));
	u->free_count--;
	return unit;
}

uint32_t tgc_units_write(struct units *u, const uint64_t *words, unsigned count) {
	const uint32_t first = take(u);
	for (uint32_t unit = first;;) {
		word64 *at = unit_words(u, unit);
		const unsigned here = count <= UNIT_WORDS ? count : UNIT_WORDS - 1;
		for (unsigned i = 0; i < here; i++) store(&at[i], *words++);
		count -= here;
		if (!count) return first;
		unit = take(u);
		store(&at[UNIT_WORDS - 1], unit);
	}
}

bool tgc_units_read(const struct units *u, uint32_t unit, uint64_t *words, unsigned count) {
	while (count) {
		if (unit == 0 || unit >= u->count) return false;
		const word64 *at = unit_words(u, unit);
		const unsigned here = count <= UNIT_WORDS ? count : UNIT_WORDS - 1;
		for (unsigned i = 0; i < here; i++) *words++ = load(&at[i]);
		count -= here;
		if (count) unit = (uint32_t)load(&at[UNIT_WORDS - 1]);
	}
	return true;
}

void tgc_units_return(struct units *u, uint32_t unit, unsigned count) {
	for (unsigned left = tgc_units_for(count); left > 0; left--) {
		word64 *at = unit_words(u, unit);
		const uint32_t next = (uint32_t)load(&at[UNIT_WORDS - 1]);
		store(&at[0], u->free);
		u->free = unit;
		u->free_count++;
		unit = next;
	}
}
