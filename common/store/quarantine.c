#include <stdio.h>

#include "store/entitlements_internal.h"

#define QUARANTINE_KEY_SIZE 16

struct quarantine_key {
	uint8_t bytes[QUARANTINE_KEY_SIZE];
};

static struct quarantine_key key_for(uint64_t origin, uint64_t seq) {
	struct quarantine_key k;
	const struct key_u64 parts[2] = {key_u64(origin), key_u64(seq)};
	memcpy(k.bytes, parts, sizeof k.bytes);
	return k;
}

static struct view view_for(const struct quarantine_key *k) { return view_of(k->bytes, sizeof k->bytes); }

/* A sentence's worth, as it is kept: cut where a codec's limit is. */
static struct view cut(struct view v, size_t max) { return view_of(v.ptr, v.len < max ? v.len : max); }

enum error fold_quarantine(struct fold *f, const struct record *r, struct view record_bytes,
			   const struct problem *reason, int64_t now_ms) {
	const struct quarantine_key key = key_for(r->origin, r->seq);
	char text[QUARANTINE_REASON_MAX];
	struct quarantined q = {.first_ms = now_ms, .last_ms = now_ms, .tries = 1};
	struct view old;

	if (lmdb_get(&f->t, TABLE_QUARANTINE, view_for(&key), &old)) {
		struct quarantined was;
		if (quarantined_read(r->origin, r->seq, old, &was) == OK) {
			q.first_ms = was.first_ms;
			q.tries = was.tries + 1;
		}
	} else if (lmdb_count(&f->t, TABLE_QUARANTINE) >= QUARANTINE_MAX) {
		return fold_count(f, VIEW("quarantine_dropped"));
	}
	(void)snprintf(text, sizeof text, "%s: %s", error_code(reason->error), problem_text(reason));
	q.event = cut(r->id, STRIPE_ID_MAX);
	q.type = cut(r->type, EVENT_TYPE_MAX);
	q.reason = view_str(text);
	q.record = record_bytes;
	struct writer w = writer_of(f->buffer, STATE_VALUE_MAX);
	quarantined_write(&w, &q);
	if (w.failed) return fold_count(f, VIEW("quarantine_dropped"));
	lmdb_put(&f->t, TABLE_QUARANTINE, view_for(&key), writer_view(&w));
	return f->t.error;
}

enum error fold_quarantine_remove(struct fold *f, uint64_t origin, uint64_t seq) {
	const struct quarantine_key key = key_for(origin, seq);
	(void)lmdb_del(&f->t, TABLE_QUARANTINE, view_for(&key));
	return f->t.error;
}

static enum error read_at(struct view key, struct view value, struct quarantined *ret_q) {
	if (key.len != QUARANTINE_KEY_SIZE) return ERR_MALFORMED;
	return quarantined_read(view_u64(view_of(key.ptr, 8)), view_u64(view_of(key.ptr + 8, 8)), value, ret_q);
}

enum error look_quarantine(struct look *l, bool (*each)(void *ctx, const struct quarantined *q), void *ctx) {
	struct lmdb_cursor c;
	enum error e = OK;
	lmdb_cursor_open(&l->t, TABLE_QUARANTINE, &c);
	for (bool more = lmdb_first(&c); more && !e; more = lmdb_next(&c)) {
		struct quarantined q;
		e = read_at(c.key, c.value, &q);
		if (!e && !each(ctx, &q)) break;
	}
	lmdb_cursor_close(&c);
	return l->t.error ? l->t.error : e;
}

enum error look_quarantined(struct look *l, uint64_t origin, uint64_t seq, struct quarantined *ret_q) {
	const struct quarantine_key key = key_for(origin, seq);
	struct view value;
	if (!lmdb_get(&l->t, TABLE_QUARANTINE, view_for(&key), &value)) return l->t.error ? l->t.error : ERR_NOT_FOUND;
	return quarantined_read(origin, seq, value, ret_q);
}
