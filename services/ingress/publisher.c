#include "publisher.h"

#include <stdlib.h>
#include <zmq.h>

#include "proto/stream.h"
#include "service/clock.h"

struct publisher {
	struct door door;
};

enum error publisher_create(void *zmq, struct curve_gate *gate, const struct endpoints *at, struct publisher **ret_p,
			    struct problem *why) {
	struct publisher *p = calloc(1, sizeof *p);
	if (!p) return ERR_MEMORY;
	const struct door_options o = {
		.type = ZMQ_PUB, .limits = {.send_hwm = PUBLISH_HWM}, .at = *at, .rights = CURVE_JOURNAL};
	enum error e = door_open(&p->door, zmq, gate, &o, why);
	if (e)
		publisher_destroy(&p);
	else
		*ret_p = p;
	return e;
}

void publisher_destroy(struct publisher **p) {
	if (!p || !*p) return;
	door_close(&(*p)->door);
	free(*p);
	*p = NULL;
}

const char *publisher_endpoints(const struct publisher *p) { return p->door.actual; }

/* A PUB never blocks; what it cannot send it drops, which is its nature. */
static void send2(struct publisher *p, const char *topic, struct view message) {
	if (zmq_send_const(p->door.socket, topic, strlen(topic), ZMQ_SNDMORE | ZMQ_DONTWAIT) < 0) return;
	(void)zmq_send(p->door.socket, message.ptr, message.len, ZMQ_DONTWAIT);
}

void publisher_heartbeat(struct publisher *p, const struct journal *j, uint64_t first, uint64_t head) {
	uint8_t bytes[STREAM_MESSAGE_MAX];
	struct writer w = writer_of(bytes, sizeof bytes);
	struct stream_heartbeat h = {
		.origin = journal_origin(j), .first = first, .head = head, .now_ms = wall_ms(), .run = journal_run(j)};
	stream_heartbeat_write(&w, &h);
	if (!w.failed) send2(p, STREAM_TOPIC_HEARTBEAT, writer_view(&w));
}

void publisher_records(struct publisher *p, const struct journal *j, uint64_t first,
		       const struct journal_entry *entries, size_t count) {
	for (size_t i = 0; i < count; i++) {
		const struct journal_entry *e = &entries[i];
		if (e->duplicate) continue;
		if (e->bytes.len > PUBLISH_RECORD_MAX)
			publisher_heartbeat(p, j, first ? first : 1, e->record.seq);
		else
			send2(p, STREAM_TOPIC_RECORD, e->bytes);
	}
}
