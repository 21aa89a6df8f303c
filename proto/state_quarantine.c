#include "proto/record.h"
#include "proto/state_parts.h"

void quarantined_write(struct writer *w, const struct quarantined *q) {
	write_u8(w, STATE_VERSION);
	write_zigzag(w, q->first_ms);
	write_zigzag(w, q->last_ms);
	write_varint(w, q->tries);
	write_string(w, q->event, STRIPE_ID_MAX);
	write_string(w, q->type, EVENT_TYPE_MAX);
	write_string(w, q->reason, QUARANTINE_REASON_MAX);
	write_string(w, q->record, RECORD_MAX);
}

enum error quarantined_read(uint64_t origin, uint64_t seq, struct view bytes, struct quarantined *ret_q) {
	struct reader r = reader_of(bytes);
	enum error e = read_version(&r);
	if (e) return e;
	struct quarantined q = {.origin = origin, .seq = seq};
	q.first_ms = read_zigzag(&r);
	q.last_ms = read_zigzag(&r);
	q.tries = read_varint(&r);
	q.event = read_string(&r, STRIPE_ID_MAX);
	q.type = read_string(&r, EVENT_TYPE_MAX);
	q.reason = read_string(&r, QUARANTINE_REASON_MAX);
	q.record = read_string(&r, RECORD_MAX);
	if (!reader_done(&r)) return ERR_MALFORMED;
	*ret_q = q;
	return OK;
}
