#include "proto/tg01_line.h"

#include "proto/msgpack_out.h"
#include "proto/tg01_codec.h"

/* ---- from and to the domain -------------------------------------------------- */

static void step_of(const struct entitlement *e, struct tg01_step *s, struct tg01_grant *grants) {
	const struct catalog *c = e->catalog;
	*s = (struct tg01_step){.from = e->now,
				.tier = c->tiers[e->tier].name,
				.status = view_str(sub_status_name(e->status)),
				.reason = view_str(reason_name(e->reason)),
				.until = e->until,
				.seats = e->seats,
				.next_billing = e->next_billing,
				.begins = e->begins_at,
				.stale = e->stale,
				.grants = grants};
	if (e->blocked_tier >= 0) {
		s->blocked_tier = c->tiers[e->blocked_tier].name;
		s->blocked_reason = view_str(reason_name(e->blocked_reason));
	}
	for (unsigned i = 0; e->granted && i < c->tier_count; i++)
		if (e->tier_granted[i])
			grants[s->grant_count++] = (struct tg01_grant){c->tiers[i].name, e->tier_until[i]};
}

struct tg01_line tg01_line_of(const struct line *l, struct tg01_line_space *space) {
	for (unsigned i = 0; i < l->count; i++) step_of(&l->steps[i], &space->steps[i], space->grants[i]);
	return (struct tg01_line){.steps = space->steps, .count = l->count, .until = l->until};
}

static bool parse_reason(struct view name, enum reason *ret) {
	for (unsigned i = 0; i < REASON_COUNT; i++) {
		if (!view_eq(name, view_str(reason_name((enum reason)i)))) continue;
		*ret = (enum reason)i;
		return true;
	}
	return false;
}

static bool parse_status(struct view name, enum sub_status *ret) {
	*ret = SUB_NONE;
	return view_eq(name, view_str(sub_status_name(SUB_NONE))) || sub_status_parse(name, ret);
}

enum error tg01_step_entitlement(const struct tg01_step *s, const struct catalog *c, struct entitlement *ret_e) {
	struct entitlement e;
	const int tier = catalog_tier(c, s->tier);
	entitlement_begin(&e, c, s->from);
	if (tier < 0) return ERR_NOT_FOUND;
	if (!parse_reason(s->reason, &e.reason) || !parse_status(s->status, &e.status)) return ERR_VERSION;
	e.tier = (unsigned)tier;
	e.granted = s->grant_count > 0;
	e.known = e.reason != REASON_UNKNOWN_SUBJECT;
	e.begins_at = s->begins;
	e.next_billing = s->next_billing;
	e.seats = s->seats;
	e.stale = s->stale;
	for (unsigned i = 0; i < s->grant_count; i++) {
		const int granted = catalog_tier(c, s->grants[i].tier);
		if (granted < 0) return ERR_NOT_FOUND;
		e.tier_granted[granted] = true;
		e.tier_until[granted] = s->grants[i].until;
	}
	if (s->blocked_tier.len) {
		e.blocked_tier = catalog_tier(c, s->blocked_tier);
		if (e.blocked_tier < 0) return ERR_NOT_FOUND;
		if (!parse_reason(s->blocked_reason, &e.blocked_reason)) return ERR_VERSION;
	}
	entitlement_end(&e);
	*ret_e = e;
	return OK;
}

const struct tg01_step *tg01_line_at(const struct tg01_line *l, int64_t at) {
	if (l->count == 0 || at < l->steps[0].from || (l->until && at >= l->until)) return NULL;
	unsigned i = l->count - 1;
	while (i > 0 && l->steps[i].from > at) i--;
	return &l->steps[i];
}

/* ---- writing ----------------------------------------------------------------- */

static void write_step(struct writer *w, const struct tg01_step *s) {
	out_map(w, 9u + s->stale + (s->blocked_tier.len > 0));
	out_i64(w, VIEW("from"), s->from);
	out_text(w, VIEW("tier"), s->tier);
	out_text(w, VIEW("status"), s->status);
	out_text(w, VIEW("reason"), s->reason);
	out_time(w, VIEW("until"), s->until);
	out_u64(w, VIEW("seats"), s->seats);
	out_time(w, VIEW("next_billing"), s->next_billing);
	out_key(w, VIEW("grants"));
	out_array(w, s->grant_count);
	for (unsigned i = 0; i < s->grant_count; i++) {
		out_array(w, 2);
		out_string(w, s->grants[i].tier);
		if (s->grants[i].until)
			out_number(w, (uint64_t)s->grants[i].until);
		else
			out_nil(w);
	}
	out_time(w, VIEW("begins"), s->begins);
	if (s->stale) out_flag(w, VIEW("stale"), true);
	if (!s->blocked_tier.len) return;
	out_key(w, VIEW("blocked"));
	out_array(w, 2);
	out_string(w, s->blocked_tier);
	out_string(w, s->blocked_reason);
}

void tg01_line_write(struct writer *w, const struct tg01_line *l) {
	if (l->count == 0) return;
	out_key(w, VIEW("line"));
	out_array(w, l->count);
	for (unsigned i = 0; i < l->count; i++) write_step(w, &l->steps[i]);
	out_time(w, VIEW("line_until"), l->until);
}

/* ---- reading ----------------------------------------------------------------- */

struct raw_step {
	struct tg01_step step;
	const msgpack_object *grants, *blocked;
};

static const struct field step_fields[] = {
	FIELD("from", FIELD_TIME, true, struct raw_step, step.from, 0, 0),
	FIELD("tier", FIELD_TEXT, true, struct raw_step, step.tier, 1, NAME_MAX_BYTES),
	FIELD("status", FIELD_TEXT, true, struct raw_step, step.status, 1, NAME_MAX_BYTES),
	FIELD("reason", FIELD_TEXT, true, struct raw_step, step.reason, 1, NAME_MAX_BYTES),
	FIELD("until", FIELD_TIME, false, struct raw_step, step.until, 0, 0),
	FIELD("seats", FIELD_U64, true, struct raw_step, step.seats, 0, UINT64_MAX),
	FIELD("next_billing", FIELD_TIME, false, struct raw_step, step.next_billing, 0, 0),
	FIELD("grants", FIELD_OBJECT, true, struct raw_step, grants, 0, 0),
	FIELD("begins", FIELD_TIME, false, struct raw_step, step.begins, 0, 0),
	FIELD("stale", FIELD_FLAG, false, struct raw_step, step.stale, 0, 0),
	FIELD("blocked", FIELD_OBJECT, false, struct raw_step, blocked, 0, 0),
};

/* The two values of a pair by two rows; a nil that is not required leaves `into` as it was. */
static enum error read_pair(const msgpack_object *o, const struct field fields[2], void *into, struct problem *why) {
	if (o->type != MSGPACK_OBJECT_ARRAY || o->via.array.size != 2)
		return problem_set(why, ERR_MALFORMED, "%.*s: must be pairs", VIEW_FMT(fields[0].name));
	for (unsigned i = 0; i < 2; i++) {
		const msgpack_object *value = &o->via.array.ptr[i];
		if (value->type == MSGPACK_OBJECT_NIL && !fields[i].required) continue;
		enum error e = field_read(&fields[i], value, into, why);
		if (e) return e;
	}
	return OK;
}

static enum error read_grants(struct tg01_decoder *d, const msgpack_object *list, struct tg01_step *s,
			      struct problem *why) {
	static const struct field pair[] = {
		FIELD("grants", FIELD_TEXT, true, struct tg01_grant, tier, 1, NAME_MAX_BYTES),
		FIELD("grants", FIELD_TIME, false, struct tg01_grant, until, 0, 0)};
	enum error e = tg01_list(list, TIERS_MAX, "grants", why);
	if (e) return e;
	struct tg01_grant *grants = tg01_array(d, list->via.array.size, sizeof *grants);
	if (!grants) return problem_set(why, ERR_MEMORY, "out of memory");
	for (unsigned i = 0; i < list->via.array.size; i++) {
		grants[i] = (struct tg01_grant){0};
		e = read_pair(&list->via.array.ptr[i], pair, &grants[i], why);
		if (e) return e;
	}
	s->grants = grants;
	s->grant_count = list->via.array.size;
	return OK;
}

static enum error read_step(struct tg01_decoder *d, const msgpack_object *o, struct tg01_step *ret_s,
			    struct problem *why) {
	static const struct field pair[] = {
		FIELD("blocked", FIELD_TEXT, true, struct tg01_step, blocked_tier, 1, NAME_MAX_BYTES),
		FIELD("blocked", FIELD_TEXT, true, struct tg01_step, blocked_reason, 1, NAME_MAX_BYTES)};
	struct raw_step raw = {0};
	enum error e = fields_read(o, step_fields, ARRAY_LEN(step_fields), &raw, why);
	if (!e) e = read_grants(d, raw.grants, &raw.step, why);
	if (!e && raw.blocked) e = read_pair(raw.blocked, pair, &raw.step, why);
	if (!e) *ret_s = raw.step;
	return e;
}

enum error tg01_line_read(struct tg01_decoder *d, const msgpack_object *list, struct tg01_line *l,
			  struct problem *why) {
	if (!list) {
		l->until = 0;
		return OK;
	}
	enum error e = tg01_list(list, TG01_STEPS_MAX, "line", why);
	if (e) return e;
	if (list->via.array.size == 0) return problem_set(why, ERR_MALFORMED, "line: empty");
	struct tg01_step *steps = tg01_array(d, list->via.array.size, sizeof *steps);
	if (!steps) return problem_set(why, ERR_MEMORY, "out of memory");
	for (unsigned i = 0; i < list->via.array.size; i++) {
		e = read_step(d, &list->via.array.ptr[i], &steps[i], why);
		if (e) return tg01_problem_in(why, "line", i, e);
		if (i && steps[i].from <= steps[i - 1].from)
			return problem_set(why, ERR_MALFORMED, "line[%u].from: not after the one before", i);
	}
	l->steps = steps;
	l->count = list->via.array.size;
	if (l->until && l->until <= steps[l->count - 1].from)
		return problem_set(why, ERR_MALFORMED, "line_until: not after the last step");
	return OK;
}
