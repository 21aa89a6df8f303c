/* What the files of TG01's codec share; nobody else includes it. */
#ifndef PROTO_TG01_CODEC_H
#define PROTO_TG01_CODEC_H

#include "proto/msgpack_fields.h"
#include "proto/tg01.h"

/* Values in one message: a full `since` has about 5,400, a full batch about 1,500. */
#define TG01_ELEMENTS_MAX 8192
#define TG01_ZONE_SIZE (TG01_ELEMENTS_MAX * sizeof(msgpack_object) + 4096)
#define TG01_FEATS_MAX 256

struct tg01_decoder {
	msgpack_zone zone; /* one chunk that fits the largest message: no allocation after creation */
	struct tg01_question checks[TG01_BATCH_MAX];
	struct tg01_result results[TG01_BATCH_MAX];
	struct tg01_change changes[TG01_SINCE_MAX];
	struct view feats[TG01_FEATS_MAX];
};

NODISCARD enum error tg01_unpack(struct tg01_decoder *d, struct view message, msgpack_object *ret_map,
				 struct problem *why);
NODISCARD bool tg01_id_read(const msgpack_object *o, struct tg01_id *ret_id);
void tg01_id_write(struct writer *w, const struct tg01_id *id);

NODISCARD enum error tg01_change_read(const msgpack_object *map, struct tg01_change *ret_c, struct problem *why);
/* TG01_CHANGE_KEYS keys with their values, without the map's header. */
#define TG01_CHANGE_KEYS 10
void tg01_change_write(struct writer *w, const struct tg01_change *c);

/* Puts "list[i]." in front of a problem's text, which names a key. */
enum error tg01_problem_in(struct problem *why, const char *list, unsigned i, enum error e);

#endif
