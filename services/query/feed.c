#include "feed.h"

#include <zmq.h>

#include "answer.h"
#include "proto/tg01.h"

/* A change with every name at its limit, and as long a line. */
#define STEP_BYTES_MAX (512 + (4 + TIERS_MAX) * (NAME_MAX_BYTES + 16))
#define CHANGE_BYTES_MAX (2048 + LINE_STEPS_MAX * STEP_BYTES_MAX)

/* PUB never waits: a subscriber that does not keep up loses messages, sees it by `ver` and asks `since`. */
static void publish(struct feed *f, struct view topic, const struct writer *w) {
	struct view body = writer_view(w);
	if (w->failed || zmq_send(f->door.socket, topic.ptr, topic.len, ZMQ_SNDMORE | ZMQ_DONTWAIT) < 0) return;
	(void)zmq_send(f->door.socket, body.ptr, body.len, ZMQ_DONTWAIT);
}

struct publish_walk {
	struct feed *feed;
	size_t seen;
};

static bool publish_change(void *ctx, const struct change *c) {
	struct publish_walk *k = ctx;
	struct feed *f = k->feed;
	k->seen++;
	f->sent = c->ver;
	if (c->scope.livemode != f->livemode) return true;
	struct tg01_change out = answer_change(c);
	out.line = line_of_subject(&f->lines, &c->scope, c->subject);
	uint8_t bytes[CHANGE_BYTES_MAX];
	struct writer w = writer_of(bytes, sizeof bytes);
	tg01_feed_change_write(&w, f->epoch, &out);
	publish(f, c->subject, &w);
	f->published++;
	return true;
}

bool feed_publish(struct feed *f, int64_t now_wall_ms) {
	if (!link_ready(f->link) || !link_renew(f->link)) {
		/* a store that is being filled lives through its whole past: that is no news for anybody */
		f->epoch = f->sent = 0;
		link_rest(f->link);
		return false;
	}
	if (f->epoch != f->link->epoch) {
		/* a store that was just met: the feed begins here, and what was before is `since`'s */
		f->epoch = f->link->epoch;
		f->sent = f->link->ver;
		link_rest(f->link);
		return false;
	}
	if (!peers_any(f->door.peers)) {
		/* whoever comes later begins at the heartbeat's version: a line for nobody need not be made */
		f->sent = f->link->ver;
		link_rest(f->link);
		return false;
	}
	f->lines.look = f->link->look;
	f->lines.catalog = f->catalog;
	f->lines.now = now_wall_ms / 1000;
	struct publish_walk k = {.feed = f};
	enum error e = look_changes(f->link->look, f->sent, FEED_BATCH, publish_change, &k);
	link_rest(f->link);
	return !e && k.seen == FEED_BATCH;
}

void feed_heartbeat(struct feed *f, int64_t now_wall_ms) {
	const struct tg01_heartbeat h = {.source = {.epoch = f->epoch,
						    .ver = f->sent,
						    .as_of = f->epoch ? f->link->as_of : 0,
						    .cat = f->catalog->hash},
					 .now_ms = now_wall_ms};
	uint8_t bytes[128];
	struct writer w = writer_of(bytes, sizeof bytes);
	tg01_feed_heartbeat_write(&w, &h);
	publish(f, view_of(TG01_FEED_HEARTBEAT, TG01_FEED_HEARTBEAT_LEN), &w);
}

static bool hear(struct feed *f, struct view topic, struct view message) {
	struct stream_pulse p;
	if (view_eq(topic, VIEW(STREAM_TOPIC_CHANGE))) return true;
	if (!view_eq(topic, VIEW(STREAM_TOPIC_HEARTBEAT)) || stream_pulse_read(message, &p, NULL) != OK) {
		f->bad_messages++;
		return false;
	}
	link_pulse(f->link, &p);
	return p.epoch == f->link->epoch && p.ver > f->sent;
}

/* One message of two frames; false when none waits. */
static bool receive(struct feed *f, zmq_msg_t parts[2], unsigned *ret_count) {
	unsigned n = 0;
	for (;;) {
		zmq_msg_t spare;
		zmq_msg_t *m = n < 2 ? &parts[n] : &spare;
		(void)zmq_msg_init(m);
		if (zmq_msg_recv(m, f->worker, ZMQ_DONTWAIT) < 0) {
			(void)zmq_msg_close(m);
			while (n > 0 && n <= 2) (void)zmq_msg_close(&parts[--n]);
			return false;
		}
		bool more = zmq_msg_more(m);
		if (m == &spare) (void)zmq_msg_close(m);
		if (n < 3) n++;
		if (more) continue;
		*ret_count = n;
		return true;
	}
}

bool feed_listen(struct feed *f) {
	bool news = false;
	zmq_msg_t parts[2];
	unsigned n;
	for (unsigned i = 0; i < FEED_INBOX_MAX && receive(f, parts, &n); i++) {
		if (n == 2)
			news |= hear(f, view_of(zmq_msg_data(&parts[0]), zmq_msg_size(&parts[0])),
				     view_of(zmq_msg_data(&parts[1]), zmq_msg_size(&parts[1])));
		else
			f->bad_messages++;
		for (unsigned k = 0; k < n && k < 2; k++) (void)zmq_msg_close(&parts[k]);
	}
	return news;
}
