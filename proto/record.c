#include "proto/record.h"

#include <zlib.h>

#define MAGIC "TGR1"
#define CRC_SIZE 4
#define VARINT_MAX 10 /* bytes */

static const struct view magic = VIEW_INIT(MAGIC);

static uint32_t checksum(struct view v) { return (uint32_t)crc32_z(0, (const Bytef *)v.ptr, v.len); }

static size_t varint_size(uint64_t n) {
	size_t size = 1;
	while (n >>= 7) size++;
	return size;
}

static size_t zigzag_size(int64_t n) { return varint_size((uint64_t)n << 1 ^ (uint64_t)(n >> 63)); }
static size_t string_size(struct view v) { return varint_size(v.len) + v.len; }

static bool kind_known(unsigned kind) { return kind >= RECORD_WEBHOOK && kind <= RECORD_MARK; }

size_t record_size(const struct record *r) {
	return sizeof MAGIC - 1 + 8 + 8 + 1 + 1 + zigzag_size(r->received_ms) + zigzag_size(r->created) +
	       string_size(r->secret) + string_size(r->account) + string_size(r->id) + string_size(r->type) +
	       string_size(r->api_version) + string_size(r->body) + CRC_SIZE;
}

void record_write(struct writer *w, const struct record *r) {
	/* what record_read would refuse is not written in the first place */
	if (!kind_known(r->kind) || (r->secret.len && r->kind != RECORD_WEBHOOK)) w->failed = true;
	const uint8_t *start = w->at;
	write_bytes(w, magic);
	write_be64(w, r->origin);
	write_be64(w, r->seq);
	write_u8(w, (uint8_t)r->kind);
	write_u8(w, r->livemode);
	write_zigzag(w, r->received_ms);
	write_zigzag(w, r->created);
	write_string(w, r->secret, SECRET_LABEL_MAX);
	write_string(w, r->account, ACCOUNT_MAX);
	write_string(w, r->id, STRIPE_ID_MAX);
	write_string(w, r->type, EVENT_TYPE_MAX);
	write_string(w, r->api_version, API_VERSION_MAX);
	write_string(w, r->body, EVENT_BODY_MAX);
	if (!w->failed) write_be32(w, checksum(view_of(start, (size_t)(w->at - start))));
}

/* The reader only says that it failed; these tell a record that was cut from one that never was whole. */
static uint64_t take_varint(struct reader *r, enum error *e) {
	bool enough = reader_left(r) >= VARINT_MAX;
	bool sound = !r->failed;
	uint64_t n = read_varint(r);
	if (*e == OK && sound && r->failed && enough) *e = ERR_MALFORMED;
	return n;
}

static int64_t take_zigzag(struct reader *r, enum error *e) {
	uint64_t n = take_varint(r, e);
	return (int64_t)(n >> 1) ^ -(int64_t)(n & 1);
}

static struct view take_string(struct reader *r, size_t max, enum error *e) {
	uint64_t n = take_varint(r, e);
	if (*e == OK && n > max) *e = ERR_MALFORMED;
	if (n > max) r->failed = true;
	return read_bytes(r, (size_t)n);
}

static enum error check_magic(struct view bytes) {
	if (bytes.len < magic.len) return view_starts(magic, bytes) ? ERR_TRUNCATED : ERR_MALFORMED;
	if (view_starts(bytes, magic)) return OK;
	return view_starts(bytes, VIEW("TGR")) ? ERR_VERSION : ERR_MALFORMED;
}

enum error record_read(struct view bytes, struct record *ret_r) {
	enum error e = check_magic(bytes);
	if (e) return e;
	struct reader r = reader_of(bytes);
	(void)read_bytes(&r, magic.len);
	struct record x = {.origin = read_be64(&r), .seq = read_be64(&r)};
	uint8_t kind = read_u8(&r);
	uint8_t livemode = read_u8(&r);
	x.received_ms = take_zigzag(&r, &e);
	x.created = take_zigzag(&r, &e);
	x.secret = take_string(&r, SECRET_LABEL_MAX, &e);
	x.account = take_string(&r, ACCOUNT_MAX, &e);
	x.id = take_string(&r, STRIPE_ID_MAX, &e);
	x.type = take_string(&r, EVENT_TYPE_MAX, &e);
	x.api_version = take_string(&r, API_VERSION_MAX, &e);
	x.body = take_string(&r, EVENT_BODY_MAX, &e);
	size_t covered = bytes.len - reader_left(&r);
	uint32_t crc = read_be32(&r);
	if (e) return e;
	if (r.failed) return ERR_TRUNCATED;
	if (!reader_done(&r)) return ERR_MALFORMED;
	if (crc != checksum(view_of(bytes.ptr, covered))) return ERR_CHECKSUM;
	if (!kind_known(kind) || livemode > 1 || (x.secret.len && kind != RECORD_WEBHOOK)) return ERR_MALFORMED;
	x.kind = (enum record_kind)kind;
	x.livemode = livemode;
	*ret_r = x;
	return OK;
}
