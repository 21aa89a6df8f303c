/* What the files of the stream's codec share; nobody else includes it. */
#ifndef PROTO_STREAM_CODEC_H
#define PROTO_STREAM_CODEC_H

#include "proto/msgpack_fields.h"
#include "proto/stream.h"

struct view stream_mode_name(bool livemode);
/* {id, err: {code, msg, retry}}: what the replay and the control socket say instead of an answer. */
struct stream_refusal {
	uint64_t id;
	enum stream_code code;
	bool retry;
	struct view text;
};

void stream_refusal_write(struct writer *w, uint64_t id, enum stream_code code, struct view text);
/* For a map that has the key "err". */
NODISCARD enum error stream_refusal_read(const msgpack_object *map, struct stream_refusal *ret_r, struct problem *why);

NODISCARD enum error stream_mode_parse(struct view name, bool *ret_livemode, struct problem *why);

#endif
