/* Bounded cursors over bytes: the only way this project reads or writes a format.
 *
 * Both are sticky: after the first failure every later call is a no-op (a reader
 * yields zeros and empty views), so that a codec is written straight down and
 * checked once at its end. Neither allocates.
 *
 * Integers are big-endian, or LEB128 varints of at most 10 bytes in their shortest
 * form (a longer form of the same number is refused, so that a value has one
 * encoding). Signed ones are zigzag varints. A string is a varint length and its bytes.
 */
#ifndef BASE_BYTES_H
#define BASE_BYTES_H

#include "base/view.h"

struct reader {
	const uint8_t *at;
	const uint8_t *end;
	bool failed;
};

struct writer {
	uint8_t *start;
	uint8_t *at;
	uint8_t *end;
	bool failed; /* the space did not suffice, or a length was over its limit */
};

static inline struct reader reader_of(struct view v) {
	const uint8_t *p = (const uint8_t *)v.ptr;
	return (struct reader){p, v.len ? p + v.len : p, false};
}
static inline size_t reader_left(const struct reader *r) { return r->failed ? 0 : (size_t)(r->end - r->at); }
/* True when nothing failed and nothing is left: trailing bytes are an error. */
static inline bool reader_done(const struct reader *r) { return !r->failed && r->at == r->end; }

struct view read_bytes(struct reader *r, size_t n);
uint8_t read_u8(struct reader *r);
uint32_t read_be32(struct reader *r);
uint64_t read_be64(struct reader *r);
uint64_t read_varint(struct reader *r);
int64_t read_zigzag(struct reader *r);
/* A string of at most `max` bytes; a longer one fails the reader. */
struct view read_string(struct reader *r, size_t max);

static inline struct writer writer_of(void *buffer, size_t size) {
	return (struct writer){buffer, buffer, (uint8_t *)buffer + size, false};
}
/* What was written so far; empty after a failure. */
static inline struct view writer_view(const struct writer *w) {
	return w->failed ? VIEW_NONE : view_of(w->start, (size_t)(w->at - w->start));
}

void write_bytes(struct writer *w, struct view v);
void write_u8(struct writer *w, uint8_t n);
void write_be32(struct writer *w, uint32_t n);
void write_be64(struct writer *w, uint64_t n);
void write_varint(struct writer *w, uint64_t n);
void write_zigzag(struct writer *w, int64_t n);
/* Fails the writer when v is longer than `max`. */
void write_string(struct writer *w, struct view v, size_t max);

#endif
