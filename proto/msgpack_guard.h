/* The look at a msgpack message before msgpack-c unpacks it.
 *
 * msgpack-c believes sizes: an array header of five bytes makes it ask for 96 GB before any element
 * has come, `unpack_next` is content with trailing bytes, and depth is bounded by its own stack
 * alone. So every message from outside passes here first: one walk over the bytes, no allocation, no
 * recursion, at most one step a byte.
 *
 * What passed is exactly one value, and unpacking it takes at most
 * elements_max * sizeof(msgpack_object) bytes (24 each) and cannot meet a truncated value.
 * https://github.com/msgpack/msgpack/blob/master/spec.md has the formats.
 */
#ifndef PROTO_MSGPACK_GUARD_H
#define PROTO_MSGPACK_GUARD_H

#include "base/error.h"
#include "base/view.h"

#define MSGPACK_DEPTH_LIMIT 16 /* the most that any depth_max may say */

struct msgpack_limits {
	size_t bytes_max;    /* of the whole message */
	unsigned depth_max;  /* of arrays and maps inside each other: a map of scalars has depth 1 */
	size_t elements_max; /* of all values: scalars, containers, a map's keys and its values */
};

/* ERR_TOO_LARGE over bytes_max; ERR_LIMIT over depth_max or elements_max; ERR_TRUNCATED when the
 * message ends inside a value or declares more than is there; ERR_MALFORMED for no value at all, for
 * trailing bytes, the byte 0xc1, and extension types, which no protocol of ours uses. */
NODISCARD enum error msgpack_guard(struct view message, const struct msgpack_limits *limits, struct problem *why);

/* The bytes of the first value with that key in a message that is a map, without unpacking it: one walk at most. False:
 * there is none, or the message ends before. What stands behind the value is not looked at. */
bool msgpack_find(struct view message, struct view key, struct view *ret_value);

#endif
