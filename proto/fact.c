#include "proto/fact.h"

#include <inttypes.h>
#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>
#include <zlib.h>

/* An object that remembers that something did not go in. */
struct fact {
	json_t *o;
	bool failed;
};

static void put(struct fact *f, const char *key, json_t *value) {
	if (json_object_set_new(f->o, key, value)) f->failed = true;
}

/* jansson refuses what is not UTF-8. */
static void put_text(struct fact *f, const char *key, struct view v, size_t min, size_t max) {
	bool fits = v.len >= min && v.len <= max && !(v.len && memchr(v.ptr, 0, v.len));
	put(f, key, fits ? json_stringn(v.len ? v.ptr : "", v.len) : NULL);
}

static void put_time(struct fact *f, const char *key, int64_t t) { put(f, key, t < 0 ? NULL : json_integer(t)); }

static void put_count(struct fact *f, const char *key, uint64_t n) {
	put(f, key, n > INT64_MAX ? NULL : json_integer((json_int_t)n));
}

static struct fact begin(const char *object) {
	struct fact f = {.o = json_object()};
	put(&f, "object", json_string(object));
	return f;
}

static char *end(struct fact *f) {
	char *text = f->failed ? NULL : json_dumps(f->o, JSON_COMPACT);
	json_decref(f->o);
	return text;
}

static char *answer(const char *object, const struct fetch *fetch) {
	struct fact f = begin(object);
	if (fetch->kind <= FETCH_NOTHING || fetch->kind >= FETCH_COUNT)
		f.failed = true;
	else
		put(&f, "fetch", json_string(fetch_name(fetch->kind)));
	put_text(&f, "id", fetch->id, 1, STRIPE_ID_MAX);
	return end(&f);
}

char *fact_missing_write(const struct fetch *f) { return answer(FACT_MISSING, f); }
char *fact_answered_write(const struct fetch *f) { return answer(FACT_ANSWERED, f); }

char *fact_override_write(const struct override_observation *o) {
	struct fact f = begin(FACT_OVERRIDE);
	put_text(&f, "id", o->id, 1, FACT_OVERRIDE_ID_MAX);
	put_text(&f, "subject", o->subject, 1, SUBJECT_MAX);
	put(&f, "op", json_string(o->revoked ? "revoke" : "grant"));
	if (!o->revoked) {
		put_text(&f, "tier", o->tier, 1, NAME_MAX_BYTES);
		put_time(&f, "from", o->from);
		put_time(&f, "until", o->until);
	}
	put_text(&f, "why", o->why, 0, OVERRIDE_WHY_MAX);
	put_text(&f, "by", o->by, 0, OVERRIDE_BY_MAX);
	return end(&f);
}

char *fact_mark_write(const struct reconcile_mark *m) {
	struct fact f = begin(FACT_MARK);
	put_time(&f, "events_to", m->events_to);
	put_time(&f, "swept_at", m->swept_at);
	put_count(&f, "listed", m->listed);
	put_count(&f, "missed", m->missed);
	put_count(&f, "swept", m->swept);
	put_count(&f, "differing", m->differing);
	return end(&f);
}

void fact_snapshot_id(struct view object_id, int64_t created, struct view body, char out[STRIPE_ID_MAX + 1]) {
	char tail[sizeof "_-9223372036854775808_01234567"];
	unsigned long crc = crc32_z(0, (const Bytef *)body.ptr, body.len);
	int length = snprintf(tail, sizeof tail, "_%" PRId64 "_%08lx", created, crc & 0xffffffff);
	size_t room = STRIPE_ID_MAX - (sizeof "snap_" - 1) - (size_t)length;
	if (object_id.len > room) object_id.len = room;
	(void)snprintf(out, STRIPE_ID_MAX + 1, "snap_%.*s%s", VIEW_FMT(object_id), tail);
}

void fact_override_id(const struct override_observation *o, char out[STRIPE_ID_MAX + 1]) {
	(void)snprintf(out, STRIPE_ID_MAX + 1, "%.*s_%c", VIEW_FMT(o->id), o->revoked ? 'r' : 'g');
}
