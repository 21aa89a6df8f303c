#include "proto/msgpack_out.h"
#include "proto/tg01_codec.h"

#define CHANGE_FIELDS(type, in)                                                                                        \
	FIELD("ver", FIELD_U64, true, type, in ver, 1, UINT64_MAX),                                                    \
		FIELD("at_ms", FIELD_I64, true, type, in at_ms, 0, 0),                                                 \
		FIELD("acct", FIELD_TEXT, false, type, in acct, 0, ACCOUNT_MAX),                                       \
		FIELD("sub", FIELD_TEXT, true, type, in sub, 1, SUBJECT_MAX),                                          \
		FIELD("before", FIELD_TEXT, true, type, in before, 0, NAME_MAX_BYTES),                                 \
		FIELD("after", FIELD_TEXT, true, type, in after, 0, NAME_MAX_BYTES),                                   \
		FIELD("reason", FIELD_TEXT, true, type, in reason, 0, NAME_MAX_BYTES),                                 \
		FIELD("status", FIELD_TEXT, true, type, in status, 0, NAME_MAX_BYTES),                                 \
		FIELD("until", FIELD_TIME, false, type, in until, 0, 0),                                               \
		FIELD("event", FIELD_TEXT, false, type, in event, 0, STRIPE_ID_MAX),                                   \
		FIELD("line_until", FIELD_TIME, false, type, in line.until, 0, 0)

struct feed_change {
	struct tg01_change change;
	uint64_t epoch;
	const msgpack_object *line;
};

#define LINE_FIELD FIELD("line", FIELD_OBJECT, false, struct feed_change, line, 0, 0)

static const struct field change_fields[] = {CHANGE_FIELDS(struct feed_change, change.), LINE_FIELD};
static const struct field feed_fields[] = {CHANGE_FIELDS(struct feed_change, change.), LINE_FIELD,
					   FIELD("epoch", FIELD_HEX64, true, struct feed_change, epoch, 0, 0)};
static const struct field heartbeat_fields[] = {
	FIELD("epoch", FIELD_HEX64, false, struct tg01_heartbeat, source.epoch, 0, 0),
	FIELD("ver", FIELD_U64, true, struct tg01_heartbeat, source.ver, 0, UINT64_MAX),
	FIELD("as_of", FIELD_TIME, false, struct tg01_heartbeat, source.as_of, 0, 0),
	FIELD("now_ms", FIELD_I64, true, struct tg01_heartbeat, now_ms, 0, 0),
	FIELD("cat", FIELD_HEX64, false, struct tg01_heartbeat, source.cat, 0, 0),
};

enum error tg01_change_read(struct tg01_decoder *d, const msgpack_object *map, struct tg01_change *ret_c,
			    struct problem *why) {
	struct feed_change c = {0};
	enum error e = fields_read(map, change_fields, ARRAY_LEN(change_fields), &c, why);
	if (!e) e = tg01_line_read(d, c.line, &c.change.line, why);
	*ret_c = c.change;
	return e;
}

void tg01_feed_change_write(struct writer *w, uint64_t epoch, const struct tg01_change *c) {
	out_map(w, tg01_change_keys(c) + 1);
	out_hex64(w, VIEW("epoch"), epoch);
	tg01_change_write(w, c);
}

void tg01_feed_heartbeat_write(struct writer *w, const struct tg01_heartbeat *h) {
	out_map(w, 4u + (h->source.cat != 0));
	out_hex64(w, VIEW("epoch"), h->source.epoch);
	out_u64(w, VIEW("ver"), h->source.ver);
	out_time(w, VIEW("as_of"), h->source.as_of);
	out_i64(w, VIEW("now_ms"), h->now_ms);
	if (h->source.cat) out_hex64(w, VIEW("cat"), h->source.cat);
}

enum error tg01_feed_change_read(struct tg01_decoder *d, struct view message, uint64_t *ret_epoch,
				 struct tg01_change *ret_c, struct problem *why) {
	msgpack_object map;
	struct feed_change c = {0};
	enum error e = tg01_unpack(d, message, &map, why);
	if (!e) e = fields_read(&map, feed_fields, ARRAY_LEN(feed_fields), &c, why);
	if (!e) e = tg01_line_read(d, c.line, &c.change.line, why);
	if (e) return e;
	*ret_epoch = c.epoch;
	*ret_c = c.change;
	return OK;
}

enum error tg01_feed_heartbeat_read(struct tg01_decoder *d, struct view message, struct tg01_heartbeat *ret_h,
				    struct problem *why) {
	msgpack_object map;
	struct tg01_heartbeat h = {0};
	enum error e = tg01_unpack(d, message, &map, why);
	if (!e) e = fields_read(&map, heartbeat_fields, ARRAY_LEN(heartbeat_fields), &h, why);
	if (e) return e;
	*ret_h = h;
	return OK;
}
