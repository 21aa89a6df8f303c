#include "source.h"

void source_init(struct source *s) { *s = (struct source){.next_id = 1, .reported = UINT64_MAX}; }

void source_forget(struct source *s) {
	uint64_t next_id = s->next_id;
	source_init(s);
	s->next_id = next_id;
}

static void heard_head(struct source *s, uint64_t head, int64_t wall_ms) {
	if (head > s->head) s->head = head;
	if (wall_ms) s->head_wall_ms = wall_ms;
	/* nothing after the cursor existed at that moment: the store is as fresh as the journal's clock */
	if (!wall_ms || s->cursor < head) return;
	s->as_of_wall_ms = wall_ms;
	if (s->committed >= head) s->committed_as_of_wall_ms = wall_ms;
}

/* One heartbeat below the cursor may have been overtaken by a replay; a row of them, with nothing applied
 * meanwhile, has not. */
static bool went_back(struct source *s, uint64_t head, int64_t now_ms) {
	if (head >= s->committed) {
		s->behind_ms = 0;
		return false;
	}
	if (s->behind_ms == 0) s->behind_ms = now_ms;
	return now_ms - s->behind_ms >= SOURCE_BEHIND_MS;
}

static void start_over(struct source *s, uint64_t head) {
	s->cursor = s->committed = 0;
	s->reported = UINT64_MAX;
	s->head = head;
	s->request = 0;
	s->behind_ms = 0;
	s->proving = false;
	s->mark = (struct source_mark){0};
	s->last_seq = 0;
}

/* Another run may be of an older copy: nothing of it is taken until that is known. */
static void heard_run(struct source *s, uint64_t run, uint64_t head) {
	if (run == 0 || run == s->run) return;
	s->run = run;
	s->reported = UINT64_MAX; /* what the one before had not written yet is said again */
	if (s->origin == 0 || s->mark.run == 0 || s->mark.run == run) return;
	s->proving = true;
	s->request = 0;
	s->head = head;
}

static void set_mark(struct source *s) {
	if (s->run == 0 || s->proving || s->committed == 0) return;
	if (s->committed != s->cursor || s->last_seq != s->committed) return;
	s->mark = (struct source_mark){s->run, s->committed, s->last_crc};
}

void source_marked(struct source *s, const struct source_mark *mark) {
	s->mark = *mark;
	s->proving = s->cursor > 0 && mark->run && s->run && mark->run != s->run;
}

enum source_news source_prove(struct source *s, uint64_t seq, uint32_t crc) {
	if (!s->proving || seq != s->mark.seq) return SOURCE_AS_BEFORE;
	if (crc != s->mark.crc) {
		start_over(s, s->head);
		return SOURCE_WENT_BACK;
	}
	s->proving = false;
	s->mark.run = s->run;
	s->cursor = s->committed = seq;
	return SOURCE_AS_BEFORE;
}

enum source_news source_prove_empty(struct source *s, const struct stream_reply *r) {
	if (!s->proving || s->asked_from != s->mark.seq) return SOURCE_AS_BEFORE;
	if (r->first > s->mark.seq) { /* retention took the mark: the journal is no older one */
		s->proving = false;
		s->mark.run = s->run;
		return SOURCE_AS_BEFORE;
	}
	if (r->count > 0) return SOURCE_AS_BEFORE;
	start_over(s, r->head);
	return SOURCE_WENT_BACK;
}

enum source_news source_heartbeat(struct source *s, const struct stream_heartbeat *h, int64_t now_ms) {
	if (s->origin != h->origin) {
		source_forget(s);
		s->head = h->head;
		s->run = h->run;
		s->heard_ms = now_ms;
		return SOURCE_OTHER_ORIGIN;
	}
	s->heard_ms = now_ms;
	heard_run(s, h->run, h->head);
	if (!s->proving && went_back(s, h->head, now_ms)) {
		start_over(s, h->head);
		return SOURCE_WENT_BACK;
	}
	set_mark(s);
	heard_head(s, h->head, h->now_ms);
	return SOURCE_AS_BEFORE;
}

void source_known(struct source *s, uint64_t origin, uint64_t cursor) {
	s->origin = origin;
	s->cursor = s->committed = cursor;
	if (s->head < cursor) s->head = cursor;
}

enum source_step source_record(struct source *s, uint64_t origin, uint64_t seq) {
	if (s->origin == 0 || origin != s->origin || s->proving) return SOURCE_DROP;
	if (seq > s->head) s->head = seq;
	return seq == s->cursor + 1 ? SOURCE_APPLY : SOURCE_DROP;
}

void source_applied(struct source *s, uint64_t seq, int64_t received_wall_ms) {
	s->cursor = seq;
	s->behind_ms = 0;
	if (received_wall_ms > s->as_of_wall_ms) s->as_of_wall_ms = received_wall_ms;
}

void source_applied_crc(struct source *s, uint32_t crc) {
	s->last_seq = s->cursor;
	s->last_crc = crc;
}

void source_committed(struct source *s) {
	s->committed = s->cursor;
	s->committed_as_of_wall_ms = s->as_of_wall_ms;
}

void source_rolled_back(struct source *s, int64_t now_ms) {
	s->cursor = s->committed;
	s->as_of_wall_ms = s->committed_as_of_wall_ms;
	s->request = 0;
	s->not_before_ms = now_ms + SOURCE_RETRY_MS;
}

static bool under_way(const struct source *s, int64_t now_ms) {
	return s->request != 0 && now_ms - s->asked_ms < SOURCE_PATIENCE_MS;
}

bool source_want(const struct source *s, int64_t now_ms, struct stream_request *ret_r) {
	if (under_way(s, now_ms) || now_ms < s->not_before_ms) return false;
	if (s->origin == 0) {
		*ret_r = (struct stream_request){.op = STREAM_HEAD, .id = s->next_id};
		return true;
	}
	if (s->proving) {
		*ret_r = (struct stream_request){.op = STREAM_REPLAY, .id = s->next_id, .from = s->mark.seq, .max = 1};
		return true;
	}
	if (s->cursor >= s->head) return false;
	*ret_r = (struct stream_request){
		.op = STREAM_REPLAY, .id = s->next_id, .from = s->cursor + 1, .max = SOURCE_CHUNK};
	return true;
}

bool source_want_next(const struct source *s, uint64_t count, struct stream_request *ret_r) {
	uint64_t from = s->cursor + count + 1;
	if (count == 0 || from > s->head || s->request != 0 || s->proving) return false;
	*ret_r = (struct stream_request){.op = STREAM_REPLAY, .id = s->next_id, .from = from, .max = SOURCE_CHUNK};
	return true;
}

void source_asked(struct source *s, const struct stream_request *r, int64_t now_ms) {
	s->request = r->id;
	s->asked_from = r->from;
	s->asked_ms = now_ms;
	s->next_id = r->id + 1;
}

void source_not_sent(struct source *s, int64_t now_ms) { s->not_before_ms = now_ms + SOURCE_RETRY_MS; }

bool source_reply(struct source *s, const struct stream_reply *r, int64_t now_ms, uint64_t *ret_gap) {
	*ret_gap = 0;
	if (s->request == 0 || r->id != s->request) return false;
	s->request = 0;
	if (r->code != STREAM_OK) {
		s->not_before_ms = now_ms + SOURCE_RETRY_MS;
		return true;
	}
	heard_run(s, r->run, r->head);
	if (s->origin == 0 && r->head > s->head) s->head = r->head; /* what the caller learns the origin from */
	if (s->origin == 0 || r->origin != s->origin) return true;
	s->reply_at = r->first > s->asked_from ? r->first : s->asked_from;
	if (s->proving) return true;
	heard_head(s, r->head, 0);
	/* what is older than the journal's first record is gone for good; waiting for it would stop the stream */
	if (r->first > s->cursor + 1) {
		*ret_gap = r->first - s->cursor - 1;
		s->skipped += *ret_gap;
		s->cursor = r->first - 1;
	}
	return true;
}

bool source_progress_due(const struct source *s, int64_t now_ms) {
	return s->origin != 0 && s->committed != s->reported && now_ms - s->reported_ms >= SOURCE_PROGRESS_MS;
}

void source_progress_sent(struct source *s, int64_t now_ms) {
	s->reported = s->committed;
	s->reported_ms = now_ms;
}

bool source_silent(const struct source *s, int64_t now_ms) {
	return s->heard_ms == 0 || now_ms - s->heard_ms >= SOURCE_SILENCE_MS;
}

bool source_complete(const struct source *s) {
	return s->origin != 0 && s->heard_ms != 0 && s->committed >= s->head && !s->proving;
}

bool source_caught_up(const struct source *s, int64_t now_ms) {
	return s->origin != 0 && s->committed >= s->head && !s->proving && !source_silent(s, now_ms);
}

int64_t source_wait_ms(const struct source *s, int64_t now_ms, int64_t most) {
	int64_t at = now_ms + most;
	bool wants = s->origin == 0 || s->proving || s->cursor < s->head;
	if (wants) {
		at = s->request ? s->asked_ms + SOURCE_PATIENCE_MS : now_ms;
		if (at < s->not_before_ms) at = s->not_before_ms;
	}
	int64_t wait = at - now_ms;
	return wait < 0 ? 0 : wait > most ? most : wait;
}
