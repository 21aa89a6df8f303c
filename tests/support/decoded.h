/* A fixture of tests/fixtures/stripe, edited and decoded: for the tests of proto/stripe_*.
 *
 *     LET(d) = DECODE(SUB_BASIL, {"data.object.status", "\"paused\""});
 *
 * Include cmocka.h before. */
#ifndef SUPPORT_DECODED_H
#define SUPPORT_DECODED_H

#include "base/parse.h"
#include "proto/stripe_decode.h"
#include "support/fixture.h"

#define SUB_CLASSIC "subscription_updated.classic.json"
#define SUB_BASIL "subscription_updated.basil.json"
#define INVOICE_CLASSIC "invoice_paid.classic.json"
#define INVOICE_BASIL "invoice_paid.basil.json"

#define DEC_1 INT64_C(1764547200) /* 2025-12-01 */
#define JAN_1 INT64_C(1767225600)

/* A decoder and the event that it decoded, alive together. */
struct decoded {
	struct stripe_decoder *decoder;
	json_t *event;
	char *body;
	struct record record;
	struct observation o;
	struct problem why;
	enum error result;
};

static inline struct view text_of(json_t *v) { return view_of(json_string_value(v), json_string_length(v)); }

static inline void run(struct decoded *d) {
	d->body = json_dumps(d->event, JSON_COMPACT | JSON_ENCODE_ANY);
	assert_non_null(d->body);
	d->record.body = view_str(d->body);
	memset(&d->o, 0x5a, sizeof d->o);
	d->why = (struct problem){OK, ""};
	d->decoder = stripe_decoder_create(VIEW("user_id"));
	assert_non_null(d->decoder);
	d->result = stripe_decode(d->decoder, &d->record, &d->o, &d->why);
}

/* The fixture as a webhook's record, decoded after the edits: pairs of path and text, up to a NULL path. */
static inline struct decoded decode_edited(const char *name, const char *const edits[][2]) {
	struct decoded d = {.event = fixture_load(name)};
	for (size_t i = 0; edits && edits[i][0]; i++) fixture_set(d.event, edits[i][0], edits[i][1]);
	json_t *created = json_object_get(d.event, "created");
	int64_t second = json_integer_value(created);
	if (json_is_string(created)) assert_true(parse_rfc3339(text_of(created), &second)); /* a thin event */
	d.record = (struct record){
		.kind = RECORD_WEBHOOK,
		.livemode = json_is_true(json_object_get(d.event, "livemode")),
		.created = second,
		.account = text_of(json_object_get(d.event, "account")),
		.id = text_of(json_object_get(d.event, "id")),
		.type = text_of(json_object_get(d.event, "type")),
	};
	run(&d);
	return d;
}
#define DECODE(name, ...) decode_edited((name), (const char *const[][2]){__VA_ARGS__ __VA_OPT__(, ){NULL, NULL}})

/* data.object as the API would have returned it. */
static inline struct decoded decode_snapshot(const char *name, const char *const edits[][2]) {
	json_t *event = fixture_load(name);
	struct decoded d = {.event = json_incref(fixture_at(event, "data.object"))};
	json_decref(event);
	for (size_t i = 0; edits && edits[i][0]; i++) fixture_set(d.event, edits[i][0], edits[i][1]);
	d.record = (struct record){
		.kind = RECORD_SNAPSHOT,
		.created = DEC_1 + 100,
		.id = VIEW("snap_1"),
		.type = text_of(json_object_get(d.event, "object")),
	};
	run(&d);
	return d;
}
#define SNAPSHOT(name, ...) decode_snapshot((name), (const char *const[][2]){__VA_ARGS__ __VA_OPT__(, ){NULL, NULL}})

static inline void drop(struct decoded *d) {
	stripe_decoder_destroy(&d->decoder);
	json_decref(d->event);
	free(d->body);
}
#define LET(d)                                                                                                         \
	AUTO(drop)                                                                                                     \
	struct decoded d

static inline void must(const struct decoded *d, enum observation_kind kind) {
	if (d->result != OK) fail_msg("%s", problem_text(&d->why));
	assert_int_equal(d->o.kind, kind);
}

static inline void is_text(struct view v, const char *want) {
	if (!view_eq(v, view_str(want))) fail_msg("\"%.*s\" is not \"%s\"", VIEW_FMT(v), want);
}

#endif
