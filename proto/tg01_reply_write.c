#include "proto/msgpack_out.h"
#include "proto/tg01_codec.h"

/* What since_end and page_end write after the last entry, at most: keys, and numbers of nine bytes. */
#define LIST_TAIL 128

static void write_source(struct writer *w, const struct tg01_source *s) {
	out_hex64(w, VIEW("epoch"), s->epoch);
	out_u64(w, VIEW("ver"), s->ver);
	out_time(w, VIEW("as_of"), s->as_of);
}
#define SOURCE_KEYS 3

static unsigned cat_keys(const struct tg01_source *s) { return s->cat != 0; }

static void write_cat(struct writer *w, const struct tg01_source *s) {
	if (s->cat) out_hex64(w, VIEW("cat"), s->cat);
}

static unsigned line_keys(const struct tg01_line *l) { return l->count ? 2 : 0; }

static unsigned answer_keys(const struct tg01_answer *a) { return 6u + a->stale + (a->need.len > 0); }

static void write_answer(struct writer *w, const struct tg01_answer *a) {
	out_flag(w, VIEW("allowed"), a->allowed);
	out_text(w, VIEW("reason"), a->reason);
	out_text(w, VIEW("tier"), a->tier);
	out_text(w, VIEW("status"), a->status);
	out_time(w, VIEW("until"), a->until);
	out_u64(w, VIEW("ttl"), a->ttl);
	if (a->stale) out_flag(w, VIEW("stale"), true);
	if (a->need.len) out_text(w, VIEW("need"), a->need);
}

void tg01_answer_write(struct writer *w, const struct tg01_id *id, const struct tg01_source *s,
		       const struct tg01_answer *a) {
	out_map(w, 1 + SOURCE_KEYS + answer_keys(a));
	tg01_id_write(w, id);
	write_answer(w, a);
	write_source(w, s);
}

void tg01_profile_write(struct writer *w, const struct tg01_id *id, const struct tg01_source *s,
			const struct tg01_profile *p) {
	const bool line = p->line.count > 0;
	out_map(w, 1 + SOURCE_KEYS + 8u + p->stale + line_keys(&p->line) + (line ? cat_keys(s) : 0) + p->has_customers);
	tg01_id_write(w, id);
	out_text(w, VIEW("tier"), p->tier);
	out_key(w, VIEW("feats"));
	out_array(w, p->feat_count);
	for (unsigned i = 0; i < p->feat_count; i++) out_string(w, p->feats[i]);
	out_u64(w, VIEW("seats"), p->seats);
	out_text(w, VIEW("status"), p->status);
	out_text(w, VIEW("reason"), p->reason);
	out_time(w, VIEW("until"), p->until);
	out_time(w, VIEW("next_billing"), p->next_billing);
	out_u64(w, VIEW("ttl"), p->ttl);
	if (p->stale) out_flag(w, VIEW("stale"), true);
	tg01_line_write(w, &p->line);
	if (p->has_customers) {
		out_key(w, VIEW("customers"));
		out_array(w, p->customer_count);
		for (unsigned i = 0; i < p->customer_count; i++) out_string(w, p->customers[i]);
	}
	write_source(w, s);
	if (line) write_cat(w, s);
}

void tg01_pong_write(struct writer *w, const struct tg01_id *id, const struct tg01_source *s,
		     const struct tg01_pong *p) {
	out_map(w, 1 + SOURCE_KEYS + 5 + cat_keys(s));
	tg01_id_write(w, id);
	out_flag(w, VIEW("ready"), p->ready);
	out_text(w, VIEW("proto"), p->proto);
	out_text(w, VIEW("build"), p->build);
	out_key(w, VIEW("lag_ms"));
	if (p->lag_ms < 0)
		out_nil(w);
	else
		out_number(w, (uint64_t)p->lag_ms);
	out_u64(w, VIEW("uptime_s"), p->uptime_s);
	write_source(w, s);
	write_cat(w, s);
}

static void write_tier(struct writer *w, const struct catalog_tier *t, unsigned feat_count) {
	unsigned n = 0;
	out_map(w, 2);
	out_text(w, VIEW("name"), t->name);
	out_key(w, VIEW("feats"));
	for (unsigned i = 0; i < FEATURES_MAX / 64; i++) n += (unsigned)__builtin_popcountll(t->features[i]);
	out_array(w, n);
	for (unsigned f = 0; f < feat_count; f++)
		if (t->features[f / 64] >> f % 64 & 1) out_number(w, f);
}

void tg01_catalog_write(struct writer *w, const struct tg01_id *id, const struct tg01_source *s,
			const struct tg01_catalog *c) {
	out_map(w, 1 + SOURCE_KEYS + 2 + cat_keys(s));
	tg01_id_write(w, id);
	out_key(w, VIEW("feats"));
	out_array(w, c->feat_count);
	for (unsigned i = 0; i < c->feat_count; i++) out_string(w, c->feats[i]);
	out_key(w, VIEW("tiers"));
	out_array(w, c->tier_count);
	for (unsigned i = 0; i < c->tier_count; i++) write_tier(w, &c->tiers[i], c->feat_count);
	write_source(w, s);
	write_cat(w, s);
}

static void write_err(struct writer *w, enum tg01_code code, struct view text) {
	if (text.len > TG01_ERROR_TEXT_MAX) text.len = TG01_ERROR_TEXT_MAX;
	out_key(w, VIEW("err"));
	out_map(w, 3);
	out_text(w, VIEW("code"), view_str(tg01_code_name(code)));
	out_text(w, VIEW("msg"), text);
	out_flag(w, VIEW("retry"), tg01_code_retry(code));
}

void tg01_error_write(struct writer *w, const struct tg01_id *id, enum tg01_code code, struct view text) {
	out_map(w, 2);
	tg01_id_write(w, id);
	write_err(w, code, text);
}

void tg01_batch_begin(struct writer *w, const struct tg01_id *id, const struct tg01_source *s, unsigned count) {
	out_map(w, 1 + SOURCE_KEYS + 1);
	tg01_id_write(w, id);
	write_source(w, s);
	out_key(w, VIEW("results"));
	out_array(w, count);
}

void tg01_batch_answer(struct writer *w, const struct tg01_answer *a) {
	out_map(w, answer_keys(a));
	write_answer(w, a);
}

void tg01_batch_error(struct writer *w, enum tg01_code code, struct view text) {
	out_map(w, 1);
	write_err(w, code, text);
}

unsigned tg01_change_keys(const struct tg01_change *c) { return 10 + line_keys(&c->line); }

void tg01_change_write(struct writer *w, const struct tg01_change *c) {
	out_u64(w, VIEW("ver"), c->ver);
	out_i64(w, VIEW("at_ms"), c->at_ms);
	out_text(w, VIEW("acct"), c->acct);
	out_text(w, VIEW("sub"), c->sub);
	out_text(w, VIEW("before"), c->before);
	out_text(w, VIEW("after"), c->after);
	out_text(w, VIEW("reason"), c->reason);
	out_text(w, VIEW("status"), c->status);
	out_time(w, VIEW("until"), c->until);
	out_text(w, VIEW("event"), c->event);
	tg01_line_write(w, &c->line);
}

/* array 16: a length of fixed size, filled in when it is known */
static uint8_t *begin_list(struct writer *w, struct view key) {
	out_key(w, key);
	uint8_t *count_at = w->at + 1;
	write_u8(w, 0xdc);
	write_u8(w, 0);
	write_u8(w, 0);
	return count_at;
}

static void end_list(uint8_t *count_at, unsigned count) {
	count_at[0] = (uint8_t)(count >> 8);
	count_at[1] = (uint8_t)count;
}

/* A map of less than 16 keys has its length in its first byte. */
static void end_map(uint8_t *map_at, unsigned keys) { *map_at = (uint8_t)(0x80 | keys); }

/* Takes back the entry that began there, unless it fits and leaves room for the end. */
static bool entry_fits(struct writer *w, uint8_t *start) {
	if (!w->failed && w->end - w->at >= LIST_TAIL) return true;
	w->at = start;
	w->failed = false;
	return false;
}

void tg01_since_begin(struct writer *w, const struct tg01_id *id, struct tg01_since *ret_s) {
	*ret_s = (struct tg01_since){.map_at = w->at};
	out_map(w, 0);
	tg01_id_write(w, id);
	ret_s->count_at = begin_list(w, VIEW("changes"));
}

bool tg01_since_change(struct writer *w, struct tg01_since *s, const struct tg01_change *c) {
	if (w->failed || s->count == TG01_SINCE_MAX) return false;
	uint8_t *start = w->at;
	out_map(w, tg01_change_keys(c));
	tg01_change_write(w, c);
	if (!entry_fits(w, start)) return false;
	s->count++;
	return true;
}

void tg01_since_end(struct writer *w, const struct tg01_since *s, const struct tg01_source *source, bool more,
		    bool reset) {
	if (w->failed) return;
	end_map(s->map_at, 1 + SOURCE_KEYS + 3 + cat_keys(source));
	end_list(s->count_at, s->count);
	write_source(w, source);
	write_cat(w, source);
	out_flag(w, VIEW("more"), more);
	out_flag(w, VIEW("reset"), reset);
}

void tg01_page_begin(struct writer *w, const struct tg01_id *id, struct tg01_page *ret_p) {
	*ret_p = (struct tg01_page){.map_at = w->at};
	out_map(w, 0);
	tg01_id_write(w, id);
	ret_p->count_at = begin_list(w, VIEW("subjects"));
}

bool tg01_page_subject(struct writer *w, struct tg01_page *p, const struct tg01_subject *s) {
	if (w->failed || p->count == TG01_PAGE_MAX) return false;
	uint8_t *start = w->at;
	out_map(w, 2 + line_keys(&s->line));
	out_text(w, VIEW("sub"), s->sub);
	out_u64(w, VIEW("ver"), s->ver);
	tg01_line_write(w, &s->line);
	if (!entry_fits(w, start)) return false;
	p->count++;
	return true;
}

void tg01_page_end(struct writer *w, const struct tg01_page *p, const struct tg01_source *source, bool more) {
	if (w->failed) return;
	end_map(p->map_at, 1 + SOURCE_KEYS + 2 + cat_keys(source));
	end_list(p->count_at, p->count);
	write_source(w, source);
	write_cat(w, source);
	out_flag(w, VIEW("more"), more);
}
