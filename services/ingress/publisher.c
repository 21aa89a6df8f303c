#include "publisher.h"

#include <stdlib.h>
#include <zmq.h>

#include "net/zsocket.h"
#include "proto/stream.h"
#include "service/clock.h"

struct publisher {
	void *socket;
};

enum error publisher_create(void *zmq, const char *endpoint, struct publisher **ret_p, char *ret_endpoint,
			    struct problem *why) {
	struct publisher *p = calloc(1, sizeof *p);
	if (!p) return ERR_MEMORY;
	struct zsocket_limits limits = {.send_hwm = PUBLISH_HWM};
	enum error e = zsocket_create(zmq, ZMQ_PUB, &limits, &p->socket, why);
	if (!e) e = zsocket_bind(p->socket, endpoint, ret_endpoint, why);
	if (e)
		publisher_destroy(&p);
	else
		*ret_p = p;
	return e;
}

void publisher_destroy(struct publisher **p) {
	if (!p || !*p) return;
	zsocket_close(&(*p)->socket);
	free(*p);
	*p = NULL;
}

/* A PUB never blocks; what it cannot send it drops, which is its nature. */
static void send2(struct publisher *p, const char *topic, struct view message) {
	if (zmq_send_const(p->socket, topic, strlen(topic), ZMQ_SNDMORE | ZMQ_DONTWAIT) < 0) return;
	(void)zmq_send(p->socket, message.ptr, message.len, ZMQ_DONTWAIT);
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
