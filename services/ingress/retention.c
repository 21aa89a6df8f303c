#include "retention.h"

struct oldest {
	uint64_t seq; /* 0: there is none but the head, which stays */
	int64_t received_ms;
};

/* The oldest record and the slowest worker, in one look that is over when this returns. */
static enum error look(struct retention *r, struct journal *j, struct oldest *ret_oldest, bool *ret_known,
		       struct problem *why) {
	struct journal_reader *reader = NULL;
	enum error e = journal_read_begin(j, &reader, why);
	if (e) return e;
	uint64_t seq, first, head;
	struct view bytes;
	struct record record;
	struct oldest oldest = {0};
	journal_bounds(reader, &first, &head);
	e = journal_read(reader, 0, &seq, &bytes);
	if (e == ERR_NOT_FOUND)
		e = OK;
	else if (!e && seq < head)
		oldest = (struct oldest){seq, record_read(bytes, &record) ? 0 : record.received_ms};
	if (!e) {
		enum error w = journal_slowest_worker(reader, &r->slowest);
		*ret_known = w == OK;
		if (w) r->slowest = 0;
		if (w && w != ERR_NOT_FOUND) e = w;
	}
	journal_read_end(&reader);
	if (!e) *ret_oldest = oldest;
	return e;
}

enum error retention_step(struct retention *r, struct journal *j, int64_t now_ms, bool *ret_more, struct problem *why) {
	struct oldest oldest;
	bool known;
	enum error e = look(r, j, &oldest, &known, why);
	if (e) return e;
	int64_t before_ms = now_ms - r->retention_ms;
	/* one that cannot be read counts as old; journal_expire knows what to do with it */
	bool expired = oldest.seq && oldest.received_ms < before_ms;
	r->held_by_worker = expired && known && oldest.seq > r->slowest;
	*ret_more = false;
	if (!expired || r->held_by_worker) return OK;
	size_t deleted = 0;
	e = journal_expire(j, now_ms, before_ms, known ? r->slowest + 1 : UINT64_MAX, RETENTION_BATCH, &deleted, why);
	if (e) return e;
	r->deleted += deleted;
	*ret_more = deleted > 0;
	return OK;
}
