/* What the files of the stream's codec share; nobody else includes it. */
#ifndef PROTO_STREAM_CODEC_H
#define PROTO_STREAM_CODEC_H

#include "proto/stream.h"

struct view stream_mode_name(bool livemode);
NODISCARD enum error stream_mode_parse(struct view name, bool *ret_livemode, struct problem *why);

#endif
