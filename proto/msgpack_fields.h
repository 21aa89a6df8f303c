/* A msgpack map read into a struct by a table, one row for each key that is known.
 *
 * Rules for every map of ours: keys are strings; unknown keys are ignored; a key that comes twice,
 * known or not, is refused; nil for an optional key is as if it were absent, and leaves the
 * struct's member as it was. Text is UTF-8 without zero bytes. Errors name the key. */
#ifndef PROTO_MSGPACK_FIELDS_H
#define PROTO_MSGPACK_FIELDS_H

#include <msgpack.h>

#include "base/error.h"
#include "base/view.h"
#include "proto/msgpack_guard.h"

#define FIELDS_MAX 32      /* rows in a table */
#define FIELDS_KEYS_MAX 64 /* keys in a map */

enum field_kind {
	FIELD_TEXT,   /* struct view; min and max bytes */
	FIELD_BYTES,  /* struct view; bin; min and max bytes */
	FIELD_U64,    /* uint64_t; min and max */
	FIELD_I64,    /* int64_t; any */
	FIELD_TIME,   /* int64_t, not negative */
	FIELD_FLAG,   /* bool */
	FIELD_HEX64,  /* uint64_t; 16 hex digits */
	FIELD_OBJECT, /* const msgpack_object *; for the caller to look into */
};

struct field {
	struct view name;
	enum field_kind kind;
	bool required;
	size_t offset;
	uint64_t min;
	uint64_t max;
};

#define FIELD(key, kind, required, type, member, min, max)                                                             \
	{ VIEW_INIT(key), kind, required, offsetof(type, member), min, max }

/* ERR_MALFORMED, or ERR_LIMIT for what is well-formed but over a limit. On failure the struct may be half filled. */
NODISCARD enum error fields_read(const msgpack_object *map, const struct field *fields, size_t count, void *into,
				 struct problem *why);

/* One value by one row. */
NODISCARD enum error field_read(const struct field *f, const msgpack_object *o, void *into, struct problem *why);

/* The value of the first such key, or NULL. */
const msgpack_object *fields_find(const msgpack_object *map, struct view key);

/* msgpack_guard, then the unpacking of a map into the zone; the tree lives until the zone is cleared, its strings
 * point into the message. */
NODISCARD enum error fields_unpack(struct view message, const struct msgpack_limits *limits, msgpack_zone *zone,
				   msgpack_object *ret_map, struct problem *why);

/* The whole way for a message that is one flat map, with a zone of its own. */
NODISCARD enum error fields_read_message(struct view message, size_t bytes_max, const struct field *fields,
					 size_t count, void *into, struct problem *why);

#endif
