/* What a msgpack message says, as JSON: the tests' own way to look into one. Bytes become text, and
 * unsigned numbers over INT64_MAX the text of their digits. */
#ifndef TESTS_MSGPACK_JSON_H
#define TESTS_MSGPACK_JSON_H

#include <inttypes.h>
#include <msgpack.h>

#include "base/view.h"
#include "vectors.h"

static inline json_t *msgpack_json_of(const msgpack_object *o) {
	char digits[24];
	json_t *j = NULL;
	switch ((int)o->type) {
	case MSGPACK_OBJECT_NIL:
		return json_null();
	case MSGPACK_OBJECT_BOOLEAN:
		return json_boolean(o->via.boolean);
	case MSGPACK_OBJECT_NEGATIVE_INTEGER:
		return json_integer(o->via.i64);
	case MSGPACK_OBJECT_POSITIVE_INTEGER:
		if (o->via.u64 <= INT64_MAX) return json_integer(o->via.i64);
		(void)snprintf(digits, sizeof digits, "%" PRIu64, o->via.u64);
		return json_string(digits);
	case MSGPACK_OBJECT_STR:
		return json_stringn(o->via.str.ptr, o->via.str.size);
	case MSGPACK_OBJECT_BIN:
		return json_stringn(o->via.bin.ptr, o->via.bin.size);
	case MSGPACK_OBJECT_ARRAY:
		j = json_array();
		for (uint32_t i = 0; i < o->via.array.size; i++)
			json_array_append_new(j, msgpack_json_of(&o->via.array.ptr[i]));
		return j;
	case MSGPACK_OBJECT_MAP:
		j = json_object();
		for (uint32_t i = 0; i < o->via.map.size; i++) {
			const msgpack_object_kv *kv = &o->via.map.ptr[i];
			char key[128];
			(void)snprintf(key, sizeof key, "%.*s", (int)kv->key.via.str.size, kv->key.via.str.ptr);
			json_object_set_new(j, key, msgpack_json_of(&kv->val));
		}
		return j;
	default:
		fail_msg("a type that no message of ours has");
	}
	return NULL;
}

static inline json_t *msgpack_json(struct view message) {
	msgpack_unpacked u;
	msgpack_unpacked_init(&u);
	size_t end = 0;
	assert_int_equal(msgpack_unpack_next(&u, message.ptr, message.len, &end), MSGPACK_UNPACK_SUCCESS);
	assert_int_equal(end, message.len);
	json_t *j = msgpack_json_of(&u.data);
	msgpack_unpacked_destroy(&u);
	return j;
}

/* Compares what a message says with a vector's `means`. */
static inline void msgpack_json_check(const char *name, struct view message, const json_t *means) {
	json_t *got = msgpack_json(message);
	if (!json_equal(got, means)) {
		char *text = json_dumps(got, JSON_ENCODE_ANY);
		fail_msg("%s says %s", name, text);
	}
	json_decref(got);
}

#endif
