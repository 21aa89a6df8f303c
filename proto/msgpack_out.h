/* msgpack into a struct writer: msgpack-c's packer behind the calls that a map of ours needs. */
#ifndef PROTO_MSGPACK_OUT_H
#define PROTO_MSGPACK_OUT_H

#include "base/bytes.h"

void out_map(struct writer *w, unsigned keys);
void out_array(struct writer *w, unsigned count);
void out_string(struct writer *w, struct view v);
void out_nil(struct writer *w);
void out_number(struct writer *w, uint64_t n);

/* a key and its value */
void out_key(struct writer *w, struct view key);
void out_text(struct writer *w, struct view key, struct view v);
void out_bytes(struct writer *w, struct view key, struct view v);
void out_u64(struct writer *w, struct view key, uint64_t n);
void out_i64(struct writer *w, struct view key, int64_t n);
void out_time(struct writer *w, struct view key, int64_t t); /* nil for 0 */
void out_flag(struct writer *w, struct view key, bool yes);
void out_hex64(struct writer *w, struct view key, uint64_t n); /* nil for 0 */

#endif
