#include "proto/msgpack_guard.h"

/* What a first byte says: how many bytes of length or of value follow it, and what they count. */
enum shape { SHAPE_SCALAR, SHAPE_BYTES, SHAPE_ARRAY, SHAPE_MAP, SHAPE_BAD };

struct head {
	enum shape shape;
	uint8_t length_size; /* bytes of the length field, big-endian; 0: `size` has it */
	uint32_t size;       /* of a scalar its bytes; of a short string, array or map its count */
};

/* 0xc0 to 0xdf, in order */
static const struct head heads[32] = {
	[0x00] = {SHAPE_SCALAR, 0, 0},                                                               /* nil */
	[0x01] = {SHAPE_BAD, 0, 0},                                                                  /* unused */
	[0x02] = {SHAPE_SCALAR, 0, 0}, [0x03] = {SHAPE_SCALAR, 0, 0},                                /* bool */
	[0x04] = {SHAPE_BYTES, 1, 0},  [0x05] = {SHAPE_BYTES, 2, 0},  [0x06] = {SHAPE_BYTES, 4, 0},  /* bin */
	[0x07] = {SHAPE_BAD, 0, 0},    [0x08] = {SHAPE_BAD, 0, 0},    [0x09] = {SHAPE_BAD, 0, 0},    /* ext */
	[0x0a] = {SHAPE_SCALAR, 0, 4}, [0x0b] = {SHAPE_SCALAR, 0, 8},                                /* float */
	[0x0c] = {SHAPE_SCALAR, 0, 1}, [0x0d] = {SHAPE_SCALAR, 0, 2}, [0x0e] = {SHAPE_SCALAR, 0, 4}, /* uint */
	[0x0f] = {SHAPE_SCALAR, 0, 8},                                                               /* uint64 */
	[0x10] = {SHAPE_SCALAR, 0, 1}, [0x11] = {SHAPE_SCALAR, 0, 2}, [0x12] = {SHAPE_SCALAR, 0, 4}, /* int */
	[0x13] = {SHAPE_SCALAR, 0, 8},                                                               /* int64 */
	[0x14] = {SHAPE_BAD, 0, 0},    [0x15] = {SHAPE_BAD, 0, 0},    [0x16] = {SHAPE_BAD, 0, 0},    /* fixext */
	[0x17] = {SHAPE_BAD, 0, 0},    [0x18] = {SHAPE_BAD, 0, 0},                                   /* fixext */
	[0x19] = {SHAPE_BYTES, 1, 0},  [0x1a] = {SHAPE_BYTES, 2, 0},  [0x1b] = {SHAPE_BYTES, 4, 0},  /* str */
	[0x1c] = {SHAPE_ARRAY, 2, 0},  [0x1d] = {SHAPE_ARRAY, 4, 0},                                 /* array */
	[0x1e] = {SHAPE_MAP, 2, 0},    [0x1f] = {SHAPE_MAP, 4, 0},                                   /* map */
};

static struct head head_of(uint8_t b) {
	if (b < 0x80 || b >= 0xe0) return (struct head){SHAPE_SCALAR, 0, 0};
	if (b < 0x90) return (struct head){SHAPE_MAP, 0, b & 0x0f};
	if (b < 0xa0) return (struct head){SHAPE_ARRAY, 0, b & 0x0f};
	if (b < 0xc0) return (struct head){SHAPE_BYTES, 0, b & 0x1f};
	return heads[b - 0xc0];
}

struct walk {
	const uint8_t *at; /* plain pointers: this walk is over every byte that a client sends */
	const uint8_t *end;
	size_t elements;
	unsigned depth;
	uint64_t open[MSGPACK_DEPTH_LIMIT + 1]; /* values still to come in each open container; [0] is the message */
};

/* The count that a head says; more than is left when the message ends inside the length itself. */
static uint64_t read_size(struct walk *w, const struct head *h) {
	if (h->length_size == 0) return h->size;
	if ((size_t)(w->end - w->at) < h->length_size) return INT64_MAX;
	uint64_t n = 0;
	for (unsigned i = 0; i < h->length_size; i++) n = n << 8 | *w->at++;
	return n;
}

static enum error open_container(struct walk *w, uint64_t n, const struct msgpack_limits *l, struct problem *why) {
	if (w->depth >= l->depth_max || w->depth >= MSGPACK_DEPTH_LIMIT)
		return problem_set(why, ERR_LIMIT, "nested deeper than %u", l->depth_max);
	w->open[++w->depth] = n;
	return OK;
}

/* One value's head and, unless it is a container, its bytes. */
static enum error step(struct walk *w, const struct msgpack_limits *l, struct problem *why) {
	if (w->at == w->end) return problem_set(why, ERR_TRUNCATED, "the message ends inside a value");
	struct head h = head_of(*w->at++);
	if (h.shape == SHAPE_BAD)
		return problem_set(why, ERR_MALFORMED, "an extension type or an unused byte at %zu", w->elements);
	uint64_t n = read_size(w, &h);
	if (h.shape == SHAPE_MAP) n *= 2;
	/* every value takes a byte at least, so that a container cannot promise more than the message has left */
	if (n > (size_t)(w->end - w->at)) return problem_set(why, ERR_TRUNCATED, "the message ends inside a value");
	if (++w->elements > l->elements_max)
		return problem_set(why, ERR_LIMIT, "more than %zu values", l->elements_max);
	w->open[w->depth]--;
	if (h.shape == SHAPE_ARRAY || h.shape == SHAPE_MAP) {
		enum error e = open_container(w, n, l, why);
		if (e) return e;
	} else {
		w->at += n;
	}
	while (w->depth > 0 && w->open[w->depth] == 0) w->depth--;
	return OK;
}

enum error msgpack_guard(struct view message, const struct msgpack_limits *limits, struct problem *why) {
	if (message.len > limits->bytes_max)
		return problem_set(why, ERR_TOO_LARGE, "the message is larger than %zu bytes", limits->bytes_max);
	if (message.len == 0) return problem_set(why, ERR_MALFORMED, "the message is empty");
	const uint8_t *start = (const uint8_t *)message.ptr;
	struct walk w = {.at = start, .end = start + message.len, .open = {1}};
	while (w.depth > 0 || w.open[0] > 0) {
		enum error e = step(&w, limits, why);
		if (e) return e;
	}
	if (w.at != w.end) return problem_set(why, ERR_MALFORMED, "bytes after the message's value");
	return OK;
}

/* The next value with all that it holds. */
static bool pass_value(struct walk *w, struct view *ret_value) {
	static const struct msgpack_limits limits = {.depth_max = MSGPACK_DEPTH_LIMIT, .elements_max = SIZE_MAX};
	const uint8_t *start = w->at;
	w->depth = 0;
	w->open[0] = 1;
	while (w->depth > 0 || w->open[0] > 0)
		if (step(w, &limits, NULL) != OK) return false;
	*ret_value = view_of((const char *)start, (size_t)(w->at - start));
	return true;
}

/* The text of a value that is a string; empty for any other. */
static struct view text_of(struct view value) {
	const uint8_t *bytes = (const uint8_t *)value.ptr;
	struct head h = head_of(bytes[0]);
	bool is_text = (bytes[0] >= 0xa0 && bytes[0] < 0xc0) || (bytes[0] >= 0xd9 && bytes[0] <= 0xdb);
	size_t skip = 1 + (size_t)h.length_size;
	return is_text ? view_of(value.ptr + skip, value.len - skip) : VIEW_NONE;
}

bool msgpack_find(struct view message, struct view key, struct view *ret_value) {
	const uint8_t *start = (const uint8_t *)message.ptr;
	struct walk w = {.at = start, .end = start + message.len};
	if (message.len == 0) return false;
	struct head h = head_of(*w.at++);
	if (h.shape != SHAPE_MAP) return false;
	for (uint64_t left = read_size(&w, &h); left > 0; left--) {
		struct view name, value;
		if (!pass_value(&w, &name) || !pass_value(&w, &value)) return false;
		if (!view_eq(text_of(name), key)) continue;
		*ret_value = value;
		return true;
	}
	return false;
}
