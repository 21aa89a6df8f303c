/* Lines as a few words each.
 *
 *   from     seconds : 40 | seats : 24 (all ones: in a word of its own)
 *   what     tier : 4 | blocked tier : 4 | status, reason, blocked reason : 6 each | flags : 6 | granted : 16 | ending
 * : 16 then, where the flags say so: seats, next_billing, begins_at; and of each ending tier when
 */
#include "cache.h"

#define SEATS_FAR 0xffffffu
#define FROM_MAX (INT64_C(1) << 39)

enum { STALE = 1, GRANTED = 2, BLOCKED = 4, HAS_BILLING = 8, HAS_BEGINS = 16, KNOWN = 32 };

_Static_assert(TIERS_MAX <= 16, "a tier is four bits, and of granted ones there are 16");
_Static_assert(REASON_COUNT <= 64 && SUB_STATUS_COUNT <= 64, "six bits");

static unsigned pack_step(const struct entitlement *e, uint64_t *out) {
	unsigned n = 2, granted = 0, ending = 0;
	uint64_t flags = (e->stale ? STALE : 0u) | (e->granted ? GRANTED : 0u) | (e->known ? KNOWN : 0u) |
			 (e->blocked_tier >= 0 ? BLOCKED : 0u) | (e->next_billing ? HAS_BILLING : 0u) |
			 (e->begins_at ? HAS_BEGINS : 0u);
	for (unsigned i = 0; i < TIERS_MAX; i++) {
		granted |= (unsigned)e->tier_granted[i] << i;
		ending |= (unsigned)(e->tier_granted[i] && e->tier_until[i]) << i;
	}
	uint64_t blocked_tier = e->blocked_tier >= 0 ? (uint64_t)e->blocked_tier : 0;
	uint64_t blocked_reason = e->blocked_tier >= 0 ? (uint64_t)e->blocked_reason : 0;
	out[0] = (uint64_t)e->now << 24 | (e->seats < SEATS_FAR ? e->seats : SEATS_FAR);
	out[1] = e->tier | blocked_tier << 4 | (uint64_t)e->status << 8 | (uint64_t)e->reason << 14 |
		 blocked_reason << 20 | flags << 26 | (uint64_t)granted << 32 | (uint64_t)ending << 48;
	if (e->seats >= SEATS_FAR) out[n++] = e->seats;
	if (e->next_billing) out[n++] = (uint64_t)e->next_billing;
	if (e->begins_at) out[n++] = (uint64_t)e->begins_at;
	for (unsigned i = 0; i < TIERS_MAX; i++)
		if (ending >> i & 1) out[n++] = (uint64_t)e->tier_until[i];
	return n;
}

unsigned tgc_line_pack(const struct tg01_line *l, const struct catalog *c, uint64_t out[LINE_WORDS_MAX]) {
	unsigned n = 0;
	if (l->count > LINE_STEPS_MAX) return 0;
	for (unsigned i = 0; i < l->count; i++) {
		struct entitlement e;
		if (l->steps[i].from < 0 || l->steps[i].from >= FROM_MAX) return 0;
		if (tg01_step_entitlement(&l->steps[i], c, &e) != OK) return 0;
		n += pack_step(&e, out + n);
	}
	return n;
}

static int64_t step_from(uint64_t first) { return (int64_t)(first >> 24); }

int64_t tgc_line_from(const uint64_t *words) { return step_from(words[0]); }

static unsigned step_size(const uint64_t *w) {
	uint64_t flags = w[1] >> 26 & 63;
	return 2 + ((w[0] & SEATS_FAR) == SEATS_FAR ? 1u : 0u) + (flags & HAS_BILLING ? 1u : 0u) +
	       (flags & HAS_BEGINS ? 1u : 0u) + (unsigned)__builtin_popcountll(w[1] >> 48);
}

static void unpack(const uint64_t *w, const struct catalog *c, struct entitlement *e) {
	const uint64_t what = w[1], flags = what >> 26 & 63;
	unsigned n = 2, granted = what >> 32 & 0xffff, ending = (unsigned)(what >> 48);
	entitlement_begin(e, c, step_from(w[0]));
	e->tier = what & 15;
	e->status = (enum sub_status)(what >> 8 & 63);
	e->reason = (enum reason)(what >> 14 & 63);
	e->stale = flags & STALE;
	e->granted = flags & GRANTED;
	e->known = flags & KNOWN;
	if (flags & BLOCKED) {
		e->blocked_tier = (int)(what >> 4 & 15);
		e->blocked_reason = (enum reason)(what >> 20 & 63);
	}
	e->seats = w[0] & SEATS_FAR;
	if (e->seats == SEATS_FAR) e->seats = w[n++];
	if (flags & HAS_BILLING) e->next_billing = (int64_t)w[n++];
	if (flags & HAS_BEGINS) e->begins_at = (int64_t)w[n++];
	for (unsigned i = 0; granted >> i; i++) {
		e->tier_granted[i] = granted >> i & 1;
		if (ending >> i & 1) e->tier_until[i] = (int64_t)w[n++];
	}
	entitlement_end(e);
}

int64_t tgc_line_first_end(const uint64_t *words, unsigned count, int64_t line_until) {
	const unsigned next = step_size(words);
	return next + 2 > count ? line_until : step_from(words[next]);
}

uint64_t tgc_line_shape(const uint64_t *words) { return words[1] & ~((uint64_t)HAS_BILLING << 26); }

/* Where the step that holds then begins, and what follows it. */
static unsigned step_at(const uint64_t *words, unsigned count, int64_t at) {
	unsigned i = 0;
	for (;;) {
		unsigned next = i + step_size(words + i);
		if (next + 2 > count || step_from(words[next]) > at) return i;
		i = next;
	}
}

bool tgc_line_at(const uint64_t *words, unsigned count, int64_t line_until, const struct catalog *c, int64_t at,
		 int64_t slack, struct entitlement *ret_e) {
	if (count < 2 || at < step_from(words[0]) - slack || (line_until && at >= line_until)) return false;
	unpack(words + step_at(words, count, at), c, ret_e);
	return true;
}

unsigned tgc_line_steps(const uint64_t *words, unsigned count, const struct catalog *c, int64_t at,
			struct entitlement *ret_steps) {
	unsigned steps = 0;
	if (count < 2) return 0;
	for (unsigned i = step_at(words, count, at); i + 2 <= count && steps < LINE_STEPS_MAX;
	     i += step_size(words + i))
		unpack(words + i, c, &ret_steps[steps++]);
	return steps;
}
