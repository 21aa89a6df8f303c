#include <stdlib.h>

#include "reconciler.h"

/* A record on its way; the link's requests for searching get the rest of its room. */
struct parcel {
	struct parcel *next;
	struct reconciler *r;
	struct batch *batch;
	struct record record; /* its views point behind it */
	size_t size;
};

void batch_begin(struct batch *b, void (*done)(void *ctx, struct batch *b), void *ctx) {
	*b = (struct batch){.done = done, .ctx = ctx};
}

static void batch_settle(struct batch *b) {
	if (b->sealed && !b->left && b->done) {
		void (*done)(void *ctx, struct batch *b) = b->done;
		b->done = NULL;
		done(b->ctx, b);
	}
}

void batch_seal(struct batch *b) {
	b->sealed = true;
	batch_settle(b);
}

static struct view keep(char **at, struct view v) {
	char *start = *at;
	if (v.len) memcpy(start, v.ptr, v.len);
	*at += v.len;
	return view_of(start, v.len);
}

void batch_add(struct reconciler *r, struct batch *b, const struct record *x) {
	size_t size =
		sizeof(struct parcel) + x->account.len + x->id.len + x->type.len + x->api_version.len + x->body.len;
	struct parcel *p = x->body.len <= EVENT_BODY_MAX ? malloc(size) : NULL;
	if (!p) {
		b->failed++;
		log_warn(&r->service.log, log_ev("record_not_kept"), kv_view("id", x->id),
			 kv_u64("bytes", x->body.len));
		return;
	}
	char *at = (char *)(p + 1);
	*p = (struct parcel){.r = r, .batch = b, .record = *x, .size = size};
	p->record.account = keep(&at, x->account);
	p->record.id = keep(&at, x->id);
	p->record.type = keep(&at, x->type);
	p->record.api_version = keep(&at, x->api_version);
	p->record.body = keep(&at, x->body);
	if (!r->outbox.end) r->outbox.end = &r->outbox.first;
	*r->outbox.end = p;
	r->outbox.end = &p->next;
	r->outbox.count++;
	r->outbox.bytes += size;
	b->left++;
}

static void parcel_free(struct parcel *p) {
	p->r->outbox.count--;
	p->r->outbox.bytes -= p->size;
	free(p);
}

static void note_place(struct batch *b, const struct stream_reply *r) {
	if (r->origin != b->origin) b->seq = 0;
	b->origin = r->origin;
	if (r->seq > b->seq) b->seq = r->seq;
}

static void appended(void *ctx, const struct link_reply *reply) {
	struct parcel *p = ctx;
	struct batch *b = p->batch;
	struct reconciler *r = p->r;
	b->left--;
	if (reply->error) {
		b->failed++;
		log_error(&r->service.log, log_ev("append_failed"), kv_view("id", p->record.id),
			  kv_error(reply->error));
	} else if (reply->reply.duplicate) {
		note_place(b, &reply->reply);
		b->duplicates++;
	} else {
		note_place(b, &reply->reply);
		b->appended++;
		counter_add(r->metrics.appended, 1);
	}
	parcel_free(p);
	batch_settle(b);
}

void outbox_flush(struct reconciler *r) {
	while (r->outbox.first && link_room(r->link) > 0) {
		struct parcel *p = r->outbox.first;
		r->outbox.first = p->next;
		if (!r->outbox.first) r->outbox.end = &r->outbox.first;
		const struct stream_request q = {.op = STREAM_APPEND, .record = p->record};
		enum error e = link_send(r->link, &q, r->now_ms, appended, p);
		if (!e) continue;
		const struct link_reply none = {.error = e};
		appended(p, &none);
	}
}

bool outbox_full(const struct reconciler *r) {
	return r->outbox.count >= OUTBOX_MAX || r->outbox.bytes >= OUTBOX_BYTES_MAX;
}

/* What was handed to the link came back when that was destroyed. */
void outbox_close(struct reconciler *r) {
	while (r->outbox.first) {
		struct parcel *p = r->outbox.first;
		r->outbox.first = p->next;
		free(p);
	}
}
