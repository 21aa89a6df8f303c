#include "service/clock.h"
#include "worker.h"
#include <zmq.h>

/* PUB never blocks: a subscriber that is too slow loses messages, and finds the gap by the version. */
static void publish(struct worker *w, const char *topic, const struct writer *out) {
	struct view v = writer_view(out);
	if (v.len == 0) return;
	if (zmq_send(w->changes, topic, 1, ZMQ_SNDMORE | ZMQ_DONTWAIT) >= 0)
		(void)zmq_send(w->changes, v.ptr, v.len, ZMQ_DONTWAIT);
}

void worker_publish_change(void *worker, const struct change *c) {
	struct worker *w = worker;
	uint8_t bytes[STREAM_MESSAGE_MAX];
	struct writer out = writer_of(bytes, sizeof bytes);
	const struct stream_change message = {
		.epoch = entitlements_epoch(w->store),
		.ver = c->ver,
		.at_ms = c->at_ms,
		.scope = c->scope,
		.sub = c->subject,
		.before = c->before,
		.after = c->after,
		.reason = view_str(reason_name(c->reason)),
		.status = view_str(sub_status_name(c->status)),
		.until = c->until,
		.event = c->event,
	};
	stream_change_write(&out, &message);
	publish(w, STREAM_TOPIC_CHANGE, &out);
	counter_add(w->metrics.changes, 1);
	w->ver = c->ver;
}

/* The store is as fresh as the least fresh of its journals. */
static int64_t as_of(const struct worker *w, int64_t now_ms, bool *ret_caught_up) {
	int64_t least = INT64_MAX;
	bool caught_up = true;
	for (unsigned i = 0; i < w->follower_count; i++) {
		const struct source *s = &w->followers[i].source;
		if (s->as_of_wall_ms < least) least = s->as_of_wall_ms;
		if (!source_caught_up(s, now_ms)) caught_up = false;
	}
	*ret_caught_up = caught_up;
	return least == INT64_MAX ? 0 : least;
}

void worker_publish_pulse(struct worker *w) {
	uint8_t bytes[STREAM_MESSAGE_MAX];
	struct writer out = writer_of(bytes, sizeof bytes);
	int64_t now = mono_ms();
	struct stream_pulse pulse = {.epoch = entitlements_epoch(w->store), .ver = w->ver};
	pulse.as_of = as_of(w, now, &pulse.caught_up);
	stream_pulse_write(&out, &pulse);
	publish(w, STREAM_TOPIC_HEARTBEAT, &out);
	w->pulse_due_ms = now + PULSE_MS;
}
