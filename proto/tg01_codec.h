/* What the files of TG01's codec share; nobody else includes it. */
#ifndef PROTO_TG01_CODEC_H
#define PROTO_TG01_CODEC_H

#include "proto/msgpack_fields.h"
#include "proto/tg01.h"

/* Values in one message. A request: a full batch has about 1,800. A reply: one of lines whose names have one letter
 * each has less than a value for every two bytes. */
#define TG01_ELEMENTS_MAX 8192
#define TG01_REPLY_ELEMENTS_MAX (TG01_MESSAGE_MAX / 2)
#define TG01_ZONE_SIZE (TG01_ELEMENTS_MAX * sizeof(msgpack_object) + 4096)
#define TG01_FEATS_MAX 256

struct tg01_decoder {
	msgpack_zone zone; /* one chunk that fits the largest request: nothing more is allocated for one */
	struct tg01_question checks[TG01_BATCH_MAX];
	struct tg01_result results[TG01_BATCH_MAX];
	struct tg01_change changes[TG01_SINCE_MAX];
	struct view feats[TG01_FEATS_MAX];
	struct view customers[TG01_CUSTOMERS_MAX];
	struct catalog_tier tiers[TIERS_MAX];
};

NODISCARD enum error tg01_unpack(struct tg01_decoder *d, struct view message, msgpack_object *ret_map,
				 struct problem *why);
/* The same with a reply's limits. */
NODISCARD enum error tg01_unpack_reply(struct tg01_decoder *d, struct view message, msgpack_object *ret_map,
				       struct problem *why);
/* Is it an array of at most that many? */
NODISCARD enum error tg01_list(const msgpack_object *list, unsigned max, const char *name, struct problem *why);
/* An array that lives as long as the message; NULL when out of memory. */
void *tg01_array(struct tg01_decoder *d, size_t count, size_t size);
NODISCARD bool tg01_id_read(const msgpack_object *o, struct tg01_id *ret_id);
void tg01_id_write(struct writer *w, const struct tg01_id *id);

NODISCARD enum error tg01_change_read(struct tg01_decoder *d, const msgpack_object *map, struct tg01_change *ret_c,
				      struct problem *why);
/* Keys with their values, without the map's header, and how many. */
unsigned tg01_change_keys(const struct tg01_change *c);
void tg01_change_write(struct writer *w, const struct tg01_change *c);

/* `line` and `line_until`, or nothing when there is no line. */
void tg01_line_write(struct writer *w, const struct tg01_line *l);
/* list is that of `line`, or NULL; l->until is read before. */
NODISCARD enum error tg01_line_read(struct tg01_decoder *d, const msgpack_object *list, struct tg01_line *l,
				    struct problem *why);

/* Puts "list[i]." in front of a problem's text, which names a key. */
enum error tg01_problem_in(struct problem *why, const char *list, unsigned i, enum error e);

#endif
