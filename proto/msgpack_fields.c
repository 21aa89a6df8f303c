#include "proto/msgpack_fields.h"

#include "base/hex.h"
#include "base/utf8.h"

/* A flat map: itself, keys and values. */
#define FLAT_ELEMENTS (1 + 2 * FIELDS_KEYS_MAX)
#define FLAT_ZONE (FLAT_ELEMENTS * sizeof(msgpack_object) + 256)

static struct view text_of(const msgpack_object *o) { return view_of(o->via.str.ptr, o->via.str.size); }

static enum error wrong(const struct field *f, struct problem *why, const char *what) {
	return problem_set(why, ERR_MALFORMED, "%.*s: %s", VIEW_FMT(f->name), what);
}

static enum error read_view(const struct field *f, struct view v, struct view *out, struct problem *why) {
	if (v.len > f->max)
		return problem_set(why, ERR_LIMIT, "%.*s: longer than %llu bytes", VIEW_FMT(f->name),
				   (unsigned long long)f->max);
	if (v.len < f->min) return wrong(f, why, "empty");
	*out = v;
	return OK;
}

static enum error read_text(const struct field *f, const msgpack_object *o, struct view *out, struct problem *why) {
	if (o->type != MSGPACK_OBJECT_STR) return wrong(f, why, "must be a string");
	struct view v = text_of(o);
	enum error e = read_view(f, v, out, why);
	if (e) return e;
	if (v.len && memchr(v.ptr, 0, v.len)) return wrong(f, why, "has a zero byte");
	return utf8_valid(v) ? OK : wrong(f, why, "is not UTF-8");
}

static enum error read_bin(const struct field *f, const msgpack_object *o, struct view *out, struct problem *why) {
	if (o->type != MSGPACK_OBJECT_BIN) return wrong(f, why, "must be bytes (bin)");
	return read_view(f, view_of(o->via.bin.ptr, o->via.bin.size), out, why);
}

static enum error read_u64(const struct field *f, const msgpack_object *o, uint64_t *out, struct problem *why) {
	if (o->type != MSGPACK_OBJECT_POSITIVE_INTEGER) return wrong(f, why, "must be an unsigned integer");
	uint64_t n = o->via.u64;
	if (n < f->min || n > f->max)
		return problem_set(why, ERR_LIMIT, "%.*s: must be %llu to %llu", VIEW_FMT(f->name),
				   (unsigned long long)f->min, (unsigned long long)f->max);
	*out = n;
	return OK;
}

static enum error read_i64(const struct field *f, const msgpack_object *o, int64_t *out, struct problem *why) {
	bool negative = o->type == MSGPACK_OBJECT_NEGATIVE_INTEGER;
	if (!negative && o->type != MSGPACK_OBJECT_POSITIVE_INTEGER) return wrong(f, why, "must be an integer");
	if (negative && f->kind == FIELD_TIME) return wrong(f, why, "must not be negative");
	if (!negative && o->via.u64 > INT64_MAX) return wrong(f, why, "is too large");
	*out = o->via.i64;
	return OK;
}

static enum error read_hex64(const struct field *f, const msgpack_object *o, uint64_t *out, struct problem *why) {
	uint8_t b[8];
	if (o->type != MSGPACK_OBJECT_STR || !hex_decode(text_of(o), b, sizeof b))
		return wrong(f, why, "must be a string of 16 hex digits");
	uint64_t n = 0;
	for (size_t i = 0; i < sizeof b; i++) n = n << 8 | b[i];
	*out = n;
	return OK;
}

enum error field_read(const struct field *f, const msgpack_object *o, void *into, struct problem *why) {
	void *out = (char *)into + f->offset;
	switch (f->kind) {
	case FIELD_TEXT:
		return read_text(f, o, out, why);
	case FIELD_BYTES:
		return read_bin(f, o, out, why);
	case FIELD_U64:
		return read_u64(f, o, out, why);
	case FIELD_I64:
	case FIELD_TIME:
		return read_i64(f, o, out, why);
	case FIELD_HEX64:
		return read_hex64(f, o, out, why);
	case FIELD_FLAG:
		if (o->type != MSGPACK_OBJECT_BOOLEAN) return wrong(f, why, "must be true or false");
		*(bool *)out = o->via.boolean;
		return OK;
	case FIELD_OBJECT:
		*(const msgpack_object **)out = o;
		return OK;
	}
	return problem_set(why, ERR_INTERNAL, "no such kind of field");
}

static size_t row_of(const struct field *fields, size_t count, struct view key) {
	/* the first byte tells most of them apart without a call */
	for (size_t i = 0; i < count; i++)
		if (fields[i].name.len == key.len && key.len && *fields[i].name.ptr == *key.ptr &&
		    view_eq(fields[i].name, key))
			return i;
	return count;
}

/* Keys that no row knows may not come twice either: two readers might differ in which one counts. */
static bool unknown_twice(const msgpack_object *map, uint32_t at) {
	struct view key = text_of(&map->via.map.ptr[at].key);
	for (uint32_t i = 0; i < at; i++)
		if (view_eq(text_of(&map->via.map.ptr[i].key), key)) return true;
	return false;
}

enum error fields_read(const msgpack_object *map, const struct field *fields, size_t count, void *into,
		       struct problem *why) {
	if (map->type != MSGPACK_OBJECT_MAP) return problem_set(why, ERR_MALFORMED, "must be a map");
	if (map->via.map.size > FIELDS_KEYS_MAX)
		return problem_set(why, ERR_LIMIT, "a map of more than %d keys", FIELDS_KEYS_MAX);
	uint32_t seen = 0, present = 0;
	for (uint32_t i = 0; i < map->via.map.size; i++) {
		const msgpack_object_kv *kv = &map->via.map.ptr[i];
		if (kv->key.type != MSGPACK_OBJECT_STR) return problem_set(why, ERR_MALFORMED, "a key is not a string");
		size_t row = row_of(fields, count, text_of(&kv->key));
		if (row == count) {
			if (unknown_twice(map, i))
				return problem_set(why, ERR_MALFORMED, "an unknown key is given twice");
			continue;
		}
		const struct field *f = &fields[row];
		if (seen & UINT32_C(1) << row) return wrong(f, why, "is given twice");
		seen |= UINT32_C(1) << row;
		if (kv->val.type == MSGPACK_OBJECT_NIL && !f->required) continue;
		enum error e = field_read(f, &kv->val, into, why);
		if (e) return e;
		present |= UINT32_C(1) << row;
	}
	for (size_t i = 0; i < count; i++)
		if (fields[i].required && !(present & UINT32_C(1) << i)) return wrong(&fields[i], why, "is missing");
	return OK;
}

const msgpack_object *fields_find(const msgpack_object *map, struct view key) {
	if (map->type != MSGPACK_OBJECT_MAP) return NULL;
	for (uint32_t i = 0; i < map->via.map.size; i++) {
		const msgpack_object_kv *kv = &map->via.map.ptr[i];
		if (kv->key.type == MSGPACK_OBJECT_STR && view_eq(text_of(&kv->key), key)) return &kv->val;
	}
	return NULL;
}

enum error fields_unpack(struct view message, const struct msgpack_limits *limits, msgpack_zone *zone,
			 msgpack_object *ret_map, struct problem *why) {
	enum error e = msgpack_guard(message, limits, why);
	if (e) return e;
	/* the one call that unpacks into a caller's zone, so that the zone's memory is reused */
	size_t offset = 0;
	msgpack_object o;
	switch (msgpack_unpack(message.ptr, message.len, &offset, zone, &o)) {
	case MSGPACK_UNPACK_SUCCESS:
		break;
	case MSGPACK_UNPACK_NOMEM_ERROR:
		return problem_set(why, ERR_MEMORY, "out of memory");
	case MSGPACK_UNPACK_EXTRA_BYTES:
	case MSGPACK_UNPACK_CONTINUE:
	case MSGPACK_UNPACK_PARSE_ERROR:
	default:
		return problem_set(why, ERR_MALFORMED, "not msgpack");
	}
	if (o.type != MSGPACK_OBJECT_MAP) return problem_set(why, ERR_MALFORMED, "the message is not a map");
	*ret_map = o;
	return OK;
}

enum error fields_read_message(struct view message, size_t bytes_max, const struct field *fields, size_t count,
			       void *into, struct problem *why) {
	const struct msgpack_limits limits = {.bytes_max = bytes_max, .depth_max = 8, .elements_max = FLAT_ELEMENTS};
	msgpack_zone zone;
	if (!msgpack_zone_init(&zone, FLAT_ZONE)) return problem_set(why, ERR_MEMORY, "out of memory");
	msgpack_object map;
	enum error e = fields_unpack(message, &limits, &zone, &map, why);
	if (!e) e = fields_read(&map, fields, count, into, why);
	msgpack_zone_destroy(&zone);
	return e;
}
