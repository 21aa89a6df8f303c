#include "base/attr.h"
#include "base/bytes.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>

#include <cmocka.h>

/* A number and its one encoding. */
struct pair {
	uint64_t n;
	struct view bytes;
};

static const struct pair varints[] = {
	{0, VIEW_INIT("\x00")},
	{1, VIEW_INIT("\x01")},
	{127, VIEW_INIT("\x7f")},
	{128, VIEW_INIT("\x80\x01")},
	{16383, VIEW_INIT("\xff\x7f")},
	{16384, VIEW_INIT("\x80\x80\x01")},
	{UINT64_C(1) << 63, VIEW_INIT("\x80\x80\x80\x80\x80\x80\x80\x80\x80\x01")},
	{UINT64_MAX, VIEW_INIT("\xff\xff\xff\xff\xff\xff\xff\xff\xff\x01")},
};

static void varints_have_one_form(void **state) {
	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(varints); i++) {
		uint8_t out[16];
		struct writer w = writer_of(out, sizeof out);
		write_varint(&w, varints[i].n);
		assert_true(view_eq(writer_view(&w), varints[i].bytes));
		struct reader r = reader_of(varints[i].bytes);
		assert_true(read_varint(&r) == varints[i].n);
		assert_true(reader_done(&r));
	}
}

static void longer_forms_are_refused(void **state) {
	(void)state;
	static const struct view bad[] = {
		VIEW_INIT("\x80\x00"),                                 /* 0 */
		VIEW_INIT("\x81\x00"),                                 /* 1 */
		VIEW_INIT("\xff\x80\x00"),                             /* 127 */
		VIEW_INIT("\xff\xff\xff\xff\xff\xff\xff\xff\xff\x02"), /* the 65th bit */
		VIEW_INIT("\xff\xff\xff\xff\xff\xff\xff\xff\xff\x7f"),
		VIEW_INIT("\xff\xff\xff\xff\xff\xff\xff\xff\xff\x81\x00"), /* an eleventh byte */
		VIEW_INIT("\x80\x80\x80\x80\x80\x80\x80\x80\x80\x00"),
	};
	for (size_t i = 0; i < ARRAY_LEN(bad); i++) {
		struct reader r = reader_of(bad[i]);
		assert_int_equal(read_varint(&r), 0);
		assert_true(r.failed);
	}
}

static void zigzag_is_symmetric(void **state) {
	(void)state;
	static const int64_t n[] = {0, -1, 1, -2, 63, -64, 64, INT64_MAX, INT64_MIN, -1000000007};
	static const size_t size[] = {1, 1, 1, 1, 1, 1, 2, 10, 10, 5};
	for (size_t i = 0; i < ARRAY_LEN(n); i++) {
		uint8_t out[16];
		struct writer w = writer_of(out, sizeof out);
		write_zigzag(&w, n[i]);
		assert_int_equal(writer_view(&w).len, size[i]);
		struct reader r = reader_of(writer_view(&w));
		assert_true(read_zigzag(&r) == n[i]);
		assert_true(reader_done(&r));
	}
}

static void write_all(struct writer *w) {
	write_u8(w, 0xfe);
	write_be32(w, 0x01020304);
	write_be64(w, UINT64_C(0x0102030405060708));
	write_varint(w, 300);
	write_zigzag(w, -300);
	write_string(w, VIEW("journal"), 7);
	write_bytes(w, VIEW("tail"));
}

static bool read_all(struct reader *r) {
	bool same = read_u8(r) == 0xfe;
	same &= read_be32(r) == 0x01020304;
	same &= read_be64(r) == UINT64_C(0x0102030405060708);
	same &= read_varint(r) == 300;
	same &= read_zigzag(r) == -300;
	same &= view_eq(read_string(r, 7), VIEW("journal"));
	same &= view_eq(read_bytes(r, 4), VIEW("tail"));
	return same && reader_done(r);
}

static const char golden[] = "\xfe\x01\x02\x03\x04\x01\x02\x03\x04\x05\x06\x07\x08\xac\x02\xd7\x04\x07journaltail";

static void bytes_are_as_documented(void **state) {
	(void)state;
	uint8_t out[64];
	struct writer w = writer_of(out, sizeof out);
	write_all(&w);
	assert_true(view_eq(writer_view(&w), VIEW(golden)));
	struct reader r = reader_of(VIEW(golden));
	assert_true(read_all(&r));
}

/* The prefix lies at the end of a block of its own, so that a sanitizer sees any step over it. */
static void every_prefix_is_refused(void **state) {
	(void)state;
	for (size_t len = 0; len < sizeof golden - 1; len++) {
		char *prefix = malloc(len ? len : 1);
		assert_non_null(prefix);
		memcpy(prefix, golden, len);
		struct reader r = reader_of(view_of(prefix, len));
		assert_false(read_all(&r));
		assert_true(r.failed);
		assert_int_equal(reader_left(&r), 0);
		free(prefix);
	}
}

static void every_short_buffer_is_refused(void **state) {
	(void)state;
	for (size_t len = 0; len < sizeof golden - 1; len++) {
		uint8_t *out = malloc(len ? len : 1);
		assert_non_null(out);
		struct writer w = writer_of(out, len);
		write_all(&w);
		assert_true(w.failed);
		assert_int_equal(writer_view(&w).len, 0);
		free(out);
	}
}

static void failures_stick(void **state) {
	(void)state;
	struct reader r = reader_of(VIEW("\x01\x02"));
	assert_int_equal(read_be32(&r), 0);
	assert_int_equal(read_u8(&r), 0);
	assert_int_equal(read_bytes(&r, 1).len, 0);
	assert_int_equal(read_string(&r, 9).len, 0);
	assert_true(r.failed);
	assert_false(reader_done(&r));

	uint8_t out[4] = {9, 9, 9, 9};
	struct writer w = writer_of(out, sizeof out);
	write_be64(&w, 0);
	write_u8(&w, 1);
	assert_true(w.failed);
	assert_int_equal(out[0], 9);
}

static void strings_have_limits(void **state) {
	(void)state;
	uint8_t out[16];
	struct writer w = writer_of(out, sizeof out);
	write_string(&w, VIEW("four"), 3);
	assert_true(w.failed);
	struct reader r = reader_of(VIEW("\x04"
					 "four"));
	assert_int_equal(read_string(&r, 3).len, 0);
	assert_true(r.failed);
	/* a length far beyond the data, and beyond size_t's half */
	r = reader_of(VIEW("\xff\xff\xff\xff\xff\xff\xff\xff\xff\x01x"));
	assert_int_equal(read_string(&r, SIZE_MAX).len, 0);
	assert_true(r.failed);
	/* trailing bytes are not an end */
	r = reader_of(VIEW("\x01"
			   "ab"));
	assert_true(view_eq(read_string(&r, 9), VIEW("a")));
	assert_false(reader_done(&r));
}

static void nothing_is_fine(void **state) {
	(void)state;
	struct reader r = reader_of(VIEW_NONE);
	assert_true(reader_done(&r));
	assert_int_equal(read_bytes(&r, 0).len, 0);
	assert_true(reader_done(&r));
	assert_int_equal(read_u8(&r), 0);
	assert_true(r.failed);
	uint8_t out[1];
	struct writer w = writer_of(out, 0);
	write_bytes(&w, VIEW_NONE);
	assert_false(w.failed);
}

int main(void) {
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(varints_have_one_form),   cmocka_unit_test(longer_forms_are_refused),
		cmocka_unit_test(zigzag_is_symmetric),     cmocka_unit_test(bytes_are_as_documented),
		cmocka_unit_test(every_prefix_is_refused), cmocka_unit_test(every_short_buffer_is_refused),
		cmocka_unit_test(failures_stick),          cmocka_unit_test(strings_have_limits),
		cmocka_unit_test(nothing_is_fine),
	};
	return cmocka_run_group_tests_name("bytes", tests, NULL, NULL);
}
