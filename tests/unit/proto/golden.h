/* What every codec of ours owes its golden vectors: it reads each, writes the same bytes again, and is not fooled by
 * a message that was cut or bent. */
#ifndef TESTS_GOLDEN_H
#define TESTS_GOLDEN_H

#include "base/bytes.h"
#include "msgpack_json.h"

/* Reads the message as `what` it is and writes it again; false when it is refused. */
typedef bool golden_again(const char *what, struct view message, struct writer *w);

static uint8_t golden_buffer[65536];

static inline struct writer golden_scratch(void) { return writer_of(golden_buffer, sizeof golden_buffer); }

/* Every prefix is refused; a copy each, so that the address sanitizer watches its end. A flipped bit never reads
 * past the end, whatever it makes of the message. */
static inline void golden_cut_and_bent(const struct vectors *v, golden_again *again) {
	for (size_t cut = 0; cut < v->n; cut++) {
		uint8_t *copy = malloc(cut ? cut : 1);
		assert_non_null(copy);
		memcpy(copy, v->bytes, cut);
		struct writer w = golden_scratch();
		if (again(v->what, view_of(copy, cut), &w)) fail_msg("%s passes cut to %zu", v->name, cut);
		free(copy);
	}
	for (size_t bit = 0; bit < v->n * 8; bit++) {
		v->bytes[bit / 8] ^= (uint8_t)(1u << bit % 8);
		struct writer w = golden_scratch();
		(void)again(v->what, vectors_message(v), &w);
		v->bytes[bit / 8] ^= (uint8_t)(1u << bit % 8);
	}
}

/* How many vectors there were. */
static inline size_t golden_check(const char *file, golden_again *again) {
	struct vectors all = vectors_of(file);
	while (vectors_next(&all)) {
		msgpack_json_check(all.name, vectors_message(&all), json_object_get(all.v, "means"));
		struct writer w = golden_scratch();
		if (!again(all.what, vectors_message(&all), &w)) fail_msg("%s is refused", all.name);
		if (!view_eq(writer_view(&w), vectors_message(&all))) fail_msg("%s is written differently", all.name);
		golden_cut_and_bent(&all, again);
	}
	return all.count;
}

#endif
