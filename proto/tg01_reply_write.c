#include "proto/msgpack_out.h"
#include "proto/tg01_codec.h"

/* What since_end writes after the last change, at most: keys, and numbers of nine bytes. */
#define SINCE_TAIL 96

static void write_source(struct writer *w, const struct tg01_source *s) {
	out_hex64(w, VIEW("epoch"), s->epoch);
	out_u64(w, VIEW("ver"), s->ver);
	out_time(w, VIEW("as_of"), s->as_of);
}
#define SOURCE_KEYS 3

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
	out_map(w, 1 + SOURCE_KEYS + 8u + p->stale);
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
	write_source(w, s);
}

void tg01_pong_write(struct writer *w, const struct tg01_id *id, const struct tg01_source *s,
		     const struct tg01_pong *p) {
	out_map(w, 1 + SOURCE_KEYS + 5);
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
}

void tg01_since_begin(struct writer *w, const struct tg01_id *id, struct tg01_since *ret_s) {
	out_map(w, 1 + SOURCE_KEYS + 3);
	tg01_id_write(w, id);
	out_key(w, VIEW("changes"));
	*ret_s = (struct tg01_since){.count_at = w->at + 1};
	/* array 16: a length of fixed size, filled in when it is known */
	write_u8(w, 0xdc);
	write_u8(w, 0);
	write_u8(w, 0);
}

bool tg01_since_change(struct writer *w, struct tg01_since *s, const struct tg01_change *c) {
	if (w->failed || s->count == TG01_SINCE_MAX) return false;
	uint8_t *start = w->at;
	out_map(w, TG01_CHANGE_KEYS);
	tg01_change_write(w, c);
	if (w->failed || w->end - w->at < SINCE_TAIL) {
		w->at = start;
		w->failed = false;
		return false;
	}
	s->count++;
	return true;
}

void tg01_since_end(struct writer *w, const struct tg01_since *s, const struct tg01_source *source, bool more,
		    bool reset) {
	if (w->failed) return;
	s->count_at[0] = (uint8_t)(s->count >> 8);
	s->count_at[1] = (uint8_t)s->count;
	write_source(w, source);
	out_flag(w, VIEW("more"), more);
	out_flag(w, VIEW("reset"), reset);
}
