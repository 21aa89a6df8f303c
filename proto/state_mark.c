#include "proto/state_parts.h"

void mark_write(struct writer *w, const struct reconcile_mark *m) {
	write_u8(w, STATE_VERSION);
	write_zigzag(w, m->events_to);
	write_zigzag(w, m->swept_at);
	write_varint(w, m->listed);
	write_varint(w, m->missed);
	write_varint(w, m->swept);
	write_varint(w, m->differing);
}

enum error mark_read(struct view bytes, struct reconcile_mark *ret_m) {
	struct reader r = reader_of(bytes);
	struct reconcile_mark m = {0};
	enum error e = read_version(&r);
	if (e) return e;
	m.events_to = read_zigzag(&r);
	m.swept_at = read_zigzag(&r);
	m.listed = read_varint(&r);
	m.missed = read_varint(&r);
	m.swept = read_varint(&r);
	m.differing = read_varint(&r);
	if (!reader_done(&r)) return ERR_MALFORMED;
	*ret_m = m;
	return OK;
}
