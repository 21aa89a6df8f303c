#include "proto/record.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>

#include <cmocka.h>

#include "vectors.h"

static const struct record sample = {
	.origin = UINT64_C(0x0123456789abcdef),
	.seq = 42,
	.kind = RECORD_WEBHOOK,
	.livemode = false,
	.received_ms = INT64_C(1795344318123),
	.created = 1795344317,
	.secret = VIEW_INIT("dev"),
	.account = VIEW_INIT("acct_1"),
	.id = VIEW_INIT("evt_1"),
	.type = VIEW_INIT("customer.subscription.updated"),
	.api_version = VIEW_INIT("2025-03-31.basil"),
	.body = VIEW_INIT("{\"id\":\"evt_1\"}"),
};

static size_t encode(const struct record *r, uint8_t *out, size_t size) {
	struct writer w = writer_of(out, size);
	record_write(&w, r);
	return writer_view(&w).len;
}

static void check_equal(const struct record *a, const struct record *b) {
	assert_int_equal(a->origin, b->origin);
	assert_int_equal(a->seq, b->seq);
	assert_int_equal(a->kind, b->kind);
	assert_int_equal(a->livemode, b->livemode);
	assert_int_equal(a->received_ms, b->received_ms);
	assert_int_equal(a->created, b->created);
	assert_true(view_eq(a->secret, b->secret));
	assert_true(view_eq(a->account, b->account));
	assert_true(view_eq(a->id, b->id));
	assert_true(view_eq(a->type, b->type));
	assert_true(view_eq(a->api_version, b->api_version));
	assert_true(view_eq(a->body, b->body));
}

static void round_trip(void **state) {
	(void)state;
	struct record variants[4] = {sample, sample, sample, {.kind = RECORD_EVENT}};
	variants[1].livemode = true;
	variants[1].received_ms = -1;
	variants[1].created = INT64_MIN;
	variants[2].kind = RECORD_SNAPSHOT;
	variants[2].secret = VIEW_NONE;
	variants[2].origin = variants[2].seq = UINT64_MAX;
	for (size_t i = 0; i < ARRAY_LEN(variants); i++) {
		uint8_t bytes[512];
		size_t n = encode(&variants[i], bytes, sizeof bytes);
		assert_int_equal(n, record_size(&variants[i]));
		struct record got;
		assert_int_equal(record_read(view_of(bytes, n), &got), OK);
		check_equal(&got, &variants[i]);
		/* exactly record_size bytes suffice, one less does not */
		assert_int_equal(encode(&variants[i], bytes, n), n);
		assert_int_equal(encode(&variants[i], bytes, n - 1), 0);
	}
}

static struct view text_of(const json_t *means, const char *key) {
	const json_t *text = json_object_get(means, key);
	return view_of(json_string_value(text), json_string_length(text));
}

/* The record that a vector tells of. */
static struct record told(const json_t *means) {
	static const char *const kinds[] = {[RECORD_WEBHOOK] = "webhook",
					    [RECORD_EVENT] = "event",
					    [RECORD_SNAPSHOT] = "snapshot",
					    [RECORD_OVERRIDE] = "override",
					    [RECORD_MARK] = "mark"};
	unsigned kind = RECORD_WEBHOOK;
	uint8_t origin[8];
	assert_true(hex_decode(text_of(means, "origin"), origin, sizeof origin));
	while (!view_eq(view_str(kinds[kind]), text_of(means, "kind"))) assert_true(++kind < ARRAY_LEN(kinds));
	struct reader r = reader_of(view_of(origin, sizeof origin));
	return (struct record){.origin = read_be64(&r),
			       .seq = (uint64_t)json_integer_value(json_object_get(means, "seq")),
			       .kind = (enum record_kind)kind,
			       .livemode = json_is_true(json_object_get(means, "livemode")),
			       .received_ms = json_integer_value(json_object_get(means, "received_ms")),
			       .created = json_integer_value(json_object_get(means, "created")),
			       .secret = text_of(means, "secret"),
			       .account = text_of(means, "account"),
			       .id = text_of(means, "id"),
			       .type = text_of(means, "type"),
			       .api_version = text_of(means, "api_version"),
			       .body = text_of(means, "body")};
}

static void golden(void **state) {
	(void)state;
	struct vectors all = vectors_of("record.json");
	while (vectors_next(&all)) {
		const struct record wanted = told(json_object_get(all.v, "means"));
		struct record got;
		uint8_t out[512];
		assert_int_equal(record_read(vectors_message(&all), &got), OK);
		check_equal(&got, &wanted);
		assert_int_equal(encode(&wanted, out, sizeof out), all.n);
		assert_memory_equal(out, all.bytes, all.n);
	}
	assert_true(all.count >= 7);
}

static void every_prefix_fails(void **state) {
	(void)state;
	uint8_t bytes[512];
	size_t n = encode(&sample, bytes, sizeof bytes);
	for (size_t i = 0; i < n; i++) {
		/* a copy of its own, so that the address sanitizer sees a read past the end */
		uint8_t *copy = malloc(i ? i : 1);
		assert_non_null(copy);
		memcpy(copy, bytes, i);
		struct record got = {.seq = 7};
		assert_int_equal(record_read(view_of(copy, i), &got), ERR_TRUNCATED);
		assert_int_equal(got.seq, 7);
		free(copy);
	}
	bytes[n] = 0;
	struct record got;
	assert_int_equal(record_read(view_of(bytes, n + 1), &got), ERR_MALFORMED);
}

static void every_bit_flip_fails(void **state) {
	(void)state;
	uint8_t bytes[512];
	size_t n = encode(&sample, bytes, sizeof bytes);
	for (size_t bit = 0; bit < n * 8; bit++) {
		bytes[bit / 8] ^= (uint8_t)(1u << bit % 8);
		struct record got;
		if (record_read(view_of(bytes, n), &got) == OK) fail_msg("bit %zu is not noticed", bit);
		bytes[bit / 8] ^= (uint8_t)(1u << bit % 8);
	}
}

/* Writes fields with no rule kept, and a right checksum: what is refused is refused for what it says. */
static enum error read_forged(uint8_t kind, uint8_t livemode, size_t id_len, bool long_varint, const char *magic) {
	static uint8_t bytes[1024];
	struct writer w = writer_of(bytes, sizeof bytes);
	static const char filler[512];
	write_bytes(&w, view_of(magic, 4));
	write_be64(&w, 1);
	write_be64(&w, 1);
	write_u8(&w, kind);
	write_u8(&w, livemode);
	if (long_varint)
		write_bytes(&w, VIEW("\x80\x00"));
	else
		write_zigzag(&w, 0);
	write_zigzag(&w, 0);
	write_string(&w, VIEW_NONE, 0);
	write_string(&w, VIEW_NONE, 0);
	write_string(&w, view_of(filler, id_len), sizeof filler);
	for (int i = 0; i < 3; i++) write_string(&w, VIEW_NONE, 0);
	/* CRC-32 as zlib has it, bit by bit: an independent one */
	uint32_t crc = UINT32_MAX;
	for (const uint8_t *p = bytes; p < w.at; p++) {
		crc ^= *p;
		for (int i = 0; i < 8; i++) crc = crc >> 1 ^ (UINT32_C(0xedb88320) & -(crc & 1));
	}
	write_be32(&w, ~crc);
	struct record got;
	return record_read(writer_view(&w), &got);
}

static void refuses_what_it_says(void **state) {
	(void)state;
	assert_int_equal(read_forged(1, 0, 5, false, "TGR1"), OK);
	assert_int_equal(read_forged(3, 1, STRIPE_ID_MAX, false, "TGR1"), OK);
	assert_int_equal(read_forged(0, 0, 5, false, "TGR1"), ERR_MALFORMED);
	assert_int_equal(read_forged(6, 0, 5, false, "TGR1"), ERR_MALFORMED);
	assert_int_equal(read_forged(1, 2, 5, false, "TGR1"), ERR_MALFORMED);
	assert_int_equal(read_forged(1, 0, STRIPE_ID_MAX + 1, false, "TGR1"), ERR_MALFORMED);
	assert_int_equal(read_forged(1, 0, 5, true, "TGR1"), ERR_MALFORMED);
	assert_int_equal(read_forged(1, 0, 5, false, "TGR2"), ERR_VERSION);
	assert_int_equal(read_forged(1, 0, 5, false, "XGR1"), ERR_MALFORMED);
}

static void does_not_write_what_it_would_not_read(void **state) {
	(void)state;
	uint8_t bytes[512];
	struct record r = sample;
	r.kind = RECORD_EVENT; /* with a secret's label */
	assert_int_equal(encode(&r, bytes, sizeof bytes), 0);
	r = sample;
	r.kind = (enum record_kind)0;
	assert_int_equal(encode(&r, bytes, sizeof bytes), 0);
	static const char filler[STRIPE_ID_MAX + 1];
	r = sample;
	r.id = view_of(filler, sizeof filler);
	assert_int_equal(encode(&r, bytes, sizeof bytes), 0);
}

static void largest(void **state) {
	(void)state;
	static const char filler[256];
	struct record r = sample;
	char *body = calloc(1, EVENT_BODY_MAX);
	uint8_t *bytes = malloc(RECORD_MAX);
	assert_true(body && bytes);
	r.received_ms = r.created = INT64_MIN;
	r.secret = view_of(filler, SECRET_LABEL_MAX);
	r.account = view_of(filler, ACCOUNT_MAX);
	r.id = view_of(filler, STRIPE_ID_MAX);
	r.type = view_of(filler, EVENT_TYPE_MAX);
	r.api_version = view_of(filler, API_VERSION_MAX);
	r.body = view_of(body, EVENT_BODY_MAX);
	size_t n = encode(&r, bytes, RECORD_MAX);
	assert_int_equal(n, record_size(&r));
	struct record got;
	assert_int_equal(record_read(view_of(bytes, n), &got), OK);
	free(body);
	free(bytes);
}

int main(void) {
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(round_trip),
		cmocka_unit_test(golden),
		cmocka_unit_test(every_prefix_fails),
		cmocka_unit_test(every_bit_flip_fails),
		cmocka_unit_test(refuses_what_it_says),
		cmocka_unit_test(does_not_write_what_it_would_not_read),
		cmocka_unit_test(largest),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
