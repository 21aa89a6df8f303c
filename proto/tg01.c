#include "proto/tg01.h"

#include <stdio.h>
#include <stdlib.h>

#include "base/utf8.h"
#include "domain/catalog.h"
#include "proto/msgpack_out.h"
#include "proto/tg01_codec.h"

static_assert(TG01_FEATS_MAX >= FEATURES_MAX, "a profile lists every feature of a catalog");
static_assert(TG01_KEYS_MAX == FIELDS_KEYS_MAX, "the table reader keeps the protocol's limit");

const char *tg01_op_name(enum tg01_op op) {
	static const char *const names[] = {
#define X(symbol, name) [symbol] = (name),
		TG01_OP_TABLE(X)
#undef X
	};
	return (unsigned)op < TG01_OP_COUNT ? names[op] : "";
}

static const struct {
	const char *name;
	bool retry;
} codes[] = {
#define X(symbol, name, retry) [symbol] = {name, retry},
	TG01_CODE_TABLE(X)
#undef X
};

const char *tg01_code_name(enum tg01_code c) { return codes[(unsigned)c < TG01_CODE_COUNT ? c : TG01_INTERNAL].name; }
bool tg01_code_retry(enum tg01_code c) { return codes[(unsigned)c < TG01_CODE_COUNT ? c : TG01_INTERNAL].retry; }

struct tg01_decoder *tg01_decoder_create(void) {
	struct tg01_decoder *d = malloc(sizeof *d);
	if (!d) return NULL;
	if (!msgpack_zone_init(&d->zone, TG01_ZONE_SIZE)) {
		free(d);
		return NULL;
	}
	return d;
}

void tg01_decoder_destroy(struct tg01_decoder **d) {
	if (!d || !*d) return;
	msgpack_zone_destroy(&(*d)->zone);
	free(*d);
	*d = NULL;
}

enum error tg01_unpack(struct tg01_decoder *d, struct view message, msgpack_object *ret_map, struct problem *why) {
	static const struct msgpack_limits limits = {TG01_MESSAGE_MAX, TG01_DEPTH_MAX, TG01_ELEMENTS_MAX};
	msgpack_zone_clear(&d->zone);
	return fields_unpack(message, &limits, &d->zone, ret_map, why);
}

enum error tg01_unpack_reply(struct tg01_decoder *d, struct view message, msgpack_object *ret_map,
			     struct problem *why) {
	static const struct msgpack_limits limits = {TG01_MESSAGE_MAX, TG01_DEPTH_MAX, TG01_REPLY_ELEMENTS_MAX};
	msgpack_zone_clear(&d->zone);
	return fields_unpack(message, &limits, &d->zone, ret_map, why);
}

enum error tg01_list(const msgpack_object *list, unsigned max, const char *name, struct problem *why) {
	if (list->type != MSGPACK_OBJECT_ARRAY) return problem_set(why, ERR_MALFORMED, "%s: must be an array", name);
	if (list->via.array.size > max) return problem_set(why, ERR_LIMIT, "%s: more than %u", name, max);
	return OK;
}

void *tg01_array(struct tg01_decoder *d, size_t count, size_t size) {
	return msgpack_zone_malloc(&d->zone, (count ? count : 1) * size);
}

bool tg01_id_read(const msgpack_object *o, struct tg01_id *ret_id) {
	if (o->type == MSGPACK_OBJECT_POSITIVE_INTEGER) {
		*ret_id = (struct tg01_id){.kind = TG01_ID_NUMBER, .number = o->via.u64};
		return true;
	}
	struct view text = o->type == MSGPACK_OBJECT_STR ? view_of(o->via.str.ptr, o->via.str.size) : VIEW_NONE;
	if (o->type != MSGPACK_OBJECT_STR || text.len > TG01_ID_MAX || !utf8_valid(text)) return false;
	*ret_id = (struct tg01_id){.kind = TG01_ID_TEXT, .text = text};
	return true;
}

void tg01_id_write(struct writer *w, const struct tg01_id *id) {
	out_key(w, VIEW("id"));
	switch (id->kind) {
	case TG01_ID_NUMBER:
		out_number(w, id->number);
		break;
	case TG01_ID_TEXT:
		out_string(w, id->text);
		break;
	case TG01_ID_NONE:
		out_nil(w);
		break;
	}
}

enum error tg01_problem_in(struct problem *why, const char *list, unsigned i, enum error e) {
	if (!why) return e;
	struct problem inner = *why;
	return problem_set(why, e, "%s[%u].%.200s", list, i, inner.text);
}
