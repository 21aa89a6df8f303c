#include "service/clock.h"
#include "worker.h"
#include <zmq.h>

static struct view frame_view(zmq_msg_t *m) { return view_of(zmq_msg_data(m), zmq_msg_size(m)); }

static void drain(void *socket) {
	zmq_msg_t m;
	int more = 1;
	while (more) {
		zmq_msg_init(&m);
		if (zmq_msg_recv(&m, socket, ZMQ_DONTWAIT) < 0)
			more = 0;
		else
			more = zmq_msg_more(&m);
		zmq_msg_close(&m);
	}
}

/* Its last four bytes (proto/record.h). */
static uint32_t record_crc(struct view bytes) {
	struct reader r = reader_of(view_of(bytes.ptr + bytes.len - 4, 4));
	return read_be32(&r);
}

/* ---- records ------------------------------------------------------------------ */

static void apply(struct worker *w, struct follower *f, const struct record *r, struct view bytes) {
	if (source_record(&f->source, r->origin, r->seq) != SOURCE_APPLY) return;
	if (worker_fold_open(w) != OK) return;
	if (worker_fold_record(w, r, bytes, false) == FOLD_FAILED) return;
	if (fold_cursor(w->fold, r->origin, r->seq) != OK) return; /* sticky: the commit says it */
	source_applied(&f->source, r->seq, r->received_ms);
	source_applied_crc(&f->source, record_crc(bytes));
	w->last_event_ms = r->received_ms;
	w->folded++;
	w->folded_bytes += bytes.len;
}

/* The journal cannot give this record in any better form: put what is known aside, and go on behind it. Its place in
 * the reply is all that tells which one it is. */
static void apply_corrupt(struct worker *w, struct follower *f, uint64_t seq, enum error e, struct view bytes) {
	const struct record r = {.origin = f->source.origin, .seq = seq};
	struct problem why;

	/* it may have come whole over PUB meanwhile */
	if (source_record(&f->source, r.origin, r.seq) != SOURCE_APPLY) return;
	(void)problem_set(&why, e, "record %llu of the journal is damaged (%zu bytes): %s", (unsigned long long)r.seq,
			  bytes.len, error_text(e));
	log_error(&w->service.log, log_ev("record_corrupt"), kv_hex("origin", r.origin), kv_u64("seq", r.seq),
		  kv_error(e));
	counter_add(w->metrics.corrupt, 1);
	if (worker_fold_open(w) != OK) return;
	if (fold_quarantine(w->fold, &r, bytes, &why, wall_ms()) != OK) return;
	if (fold_cursor(w->fold, r.origin, r.seq) != OK) return;
	source_applied(&f->source, r.seq, 0);
	w->folded++;
	w->folded_bytes += bytes.len;
}

static void take_published(struct worker *w, struct follower *f, struct view bytes) {
	struct record r;
	/* a damaged one is asked for again over the replay socket */
	if (record_read(bytes, &r) == OK)
		apply(w, f, &r, bytes);
	else
		counter_add(w->metrics.dropped, 1);
}

/* ---- heartbeats --------------------------------------------------------------- */

/* Two journals of one origin are one and its copy. They count on apart, and following both would drop what either has
 * alone: so only the one that was there first is followed, until it falls silent. True: f is the other. */
static bool is_twice(struct worker *w, struct follower *f, uint64_t origin, int64_t now_ms) {
	bool twice = false;
	for (unsigned i = 0; i < w->follower_count; i++) {
		struct follower *other = &w->followers[i];
		if (other == f || other->source.origin != origin) continue;
		if (now_ms - other->learned_ms < SOURCE_SILENCE_MS || !source_silent(&other->source, now_ms)) {
			twice = true;
			if (!f->is_twice)
				log_error(&w->service.log, log_ev("journal_twice"), kv_u64("origin", origin),
					  kv_str("replay", f->replay_endpoint),
					  kv_str("followed", other->replay_endpoint),
					  kv_str("why", "one is a copy of the other; it is not followed"));
		} else {
			source_forget(&other->source);
		}
	}
	f->is_twice = twice;
	return twice;
}

static void learn_origin(struct worker *w, struct follower *f, uint64_t origin, int64_t now_ms) {
	uint64_t cursor;
	(void)worker_fold_close(w); /* the cursor is read from what is committed */
	if (is_twice(w, f, origin, now_ms)) {
		source_not_sent(&f->source, now_ms);
		return;
	}
	f->learned_ms = now_ms;
	struct source_mark mark = {0};
	enum error e = look_renew(w->look);
	if (e == OK) e = look_cursor(w->look, origin, &cursor);
	if (e == OK) look_journal_mark(w->look, origin, &mark.run, &mark.seq, &mark.crc);
	look_rest(w->look);
	if (e != OK) {
		w->failed = problem_set(&w->why, e, "cannot read the store's cursor: %s", error_text(e));
		return;
	}
	source_known(&f->source, origin, cursor);
	source_marked(&f->source, &mark);
	f->written = mark;
	log_info(&w->service.log, log_ev("journal"), kv_str("replay", f->replay_endpoint), kv_hex("origin", origin),
		 kv_u64("cursor", cursor), kv_u64("head", f->source.head));
}

static void tell(struct worker *w, const struct follower *f, enum source_news news) {
	if (news == SOURCE_WENT_BACK)
		log_error(&w->service.log, log_ev("journal_went_back"), kv_hex("origin", f->source.origin),
			  kv_u64("head", f->source.head), kv_str("doing", "applying all of it again"));
}

static void take_heartbeat(struct worker *w, struct follower *f, struct view message, int64_t now_ms) {
	struct stream_heartbeat h;
	if (stream_heartbeat_read(message, &h, NULL) != OK || h.origin == 0) {
		counter_add(w->metrics.dropped, 1);
		return;
	}
	enum source_news news = source_heartbeat(&f->source, &h, now_ms);
	if (news == SOURCE_OTHER_ORIGIN)
		learn_origin(w, f, h.origin, now_ms);
	else
		tell(w, f, news);
}

/* ---- messages ----------------------------------------------------------------- */

static bool receive_published(struct worker *w, struct follower *f, int64_t now_ms) {
	zmq_msg_t topic, body;
	zmq_msg_init(&topic);
	if (zmq_msg_recv(&topic, f->sub, ZMQ_DONTWAIT) < 0) {
		zmq_msg_close(&topic);
		return false;
	}
	zmq_msg_init(&body);
	bool whole = zmq_msg_more(&topic) && zmq_msg_recv(&body, f->sub, ZMQ_DONTWAIT) >= 0;
	if (whole && zmq_msg_more(&body)) {
		drain(f->sub);
		whole = false;
	}
	if (whole && view_eq(frame_view(&topic), VIEW(STREAM_TOPIC_RECORD)))
		take_published(w, f, frame_view(&body));
	else if (whole && view_eq(frame_view(&topic), VIEW(STREAM_TOPIC_HEARTBEAT)))
		take_heartbeat(w, f, frame_view(&body), now_ms);
	else
		counter_add(w->metrics.dropped, 1);
	zmq_msg_close(&body);
	zmq_msg_close(&topic);
	return true;
}

static bool send_request(struct follower *f, const struct stream_request *r) {
	uint8_t bytes[STREAM_MESSAGE_MAX];
	struct writer out = writer_of(bytes, sizeof bytes);
	stream_request_write(&out, r);
	struct view v = writer_view(&out);
	if (v.len == 0) return false;
	if (zmq_send(f->replay, STREAM_VERSION, sizeof STREAM_VERSION - 1, ZMQ_SNDMORE | ZMQ_DONTWAIT) < 0)
		return false;
	return zmq_send(f->replay, v.ptr, v.len, ZMQ_DONTWAIT) >= 0;
}

/* The header of a reply. True: it answers what was asked, and `*ret_count` records follow. */
static bool take_reply(struct worker *w, struct follower *f, struct view message, int64_t now_ms, uint64_t *ret_count) {
	struct stream_reply r;
	struct stream_request next;
	uint64_t gap;

	if (stream_reply_read(message, &r, NULL) != OK) {
		counter_add(w->metrics.dropped, 1);
		return false;
	}
	if (!source_reply(&f->source, &r, now_ms, &gap)) return false;
	if (r.code != STREAM_OK) {
		log_warn(&w->service.log, log_ev("replay_refused"), kv_str("replay", f->replay_endpoint),
			 kv_str("code", stream_code_name(r.code)), kv_view("why", r.text));
		return false;
	}
	if (f->source.origin == 0) learn_origin(w, f, r.origin, now_ms);
	if (r.origin != f->source.origin || w->failed != OK) return false;
	tell(w, f, source_prove_empty(&f->source, &r));
	if (gap) {
		counter_add(w->metrics.skipped, gap);
		log_error(&w->service.log, log_ev("records_missing"), kv_hex("origin", r.origin), kv_u64("count", gap),
			  kv_u64("first", r.first),
			  kv_str("why", "the journal's retention removed them before they were applied"));
	}
	*ret_count = r.count;
	if (source_want_next(&f->source, r.count, &next) && send_request(f, &next))
		source_asked(&f->source, &next, now_ms);
	return true;
}

static void take_replayed(struct worker *w, struct follower *f, uint64_t seq, struct view bytes) {
	struct record r;
	enum error e = record_read(bytes, &r);
	if (f->source.proving)
		tell(w, f, source_prove(&f->source, seq, e == OK ? record_crc(bytes) : 0));
	else if (e == OK)
		apply(w, f, &r, bytes);
	else
		apply_corrupt(w, f, seq, e, bytes);
}

/* ["TGJ1"][reply][record]*: frames past what the reply announced are dropped. */
static bool receive_replayed(struct worker *w, struct follower *f, int64_t now_ms) {
	zmq_msg_t m;
	uint64_t left = 0, seq = 0;
	bool more = true, mine = true, any = false;

	for (unsigned frame = 0; more; frame++) {
		zmq_msg_init(&m);
		if (zmq_msg_recv(&m, f->replay, ZMQ_DONTWAIT) < 0) {
			zmq_msg_close(&m);
			break;
		}
		any = true;
		more = zmq_msg_more(&m);
		if (frame == 0)
			mine = view_eq(frame_view(&m), VIEW(STREAM_VERSION));
		else if (frame == 1) {
			mine = mine && take_reply(w, f, frame_view(&m), now_ms, &left);
			seq = f->source.reply_at;
		} else if (mine && left > 0 && w->failed == OK) {
			left--;
			take_replayed(w, f, seq++, frame_view(&m));
		}
		zmq_msg_close(&m);
	}
	return any;
}

bool follower_receive(struct worker *w, struct follower *f, int64_t now_ms) {
	bool published = receive_published(w, f, now_ms);
	return receive_replayed(w, f, now_ms) || published;
}

void follower_ask(struct worker *w, struct follower *f, int64_t now_ms) {
	struct stream_request r;
	if (source_want(&f->source, now_ms, &r)) {
		if (send_request(f, &r))
			source_asked(&f->source, &r, now_ms);
		else
			source_not_sent(&f->source, now_ms);
	}
	if (source_progress_due(&f->source, now_ms)) {
		/* what is being made anew needs its records, too */
		r = (struct stream_request){.op = STREAM_PROGRESS,
					    .worker = view_str(w->settings.worker_name),
					    .seq = rebuild_progress(w, f->source.origin, f->source.committed)};
		/* id 0: nobody waits for the answer; unsent, it goes with the next */
		if (!w->is_shadow) (void)send_request(f, &r);
		source_progress_sent(&f->source, now_ms);
	}
	bool silent = source_silent(&f->source, now_ms);
	if (silent != f->was_silent && f->source.heard_ms && !w->is_shadow) {
		if (silent)
			log_warn(&w->service.log, log_ev("journal_silent"), kv_str("pub", f->pub_endpoint));
		else
			log_info(&w->service.log, log_ev("journal_heard"), kv_str("pub", f->pub_endpoint));
		f->was_silent = silent;
	}
}
