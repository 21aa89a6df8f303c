/* The one thread: sockets, timers, and what callers hand over. */
#include "follow.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/prctl.h>
#include <unistd.h>
#include <zmq.h>

#define TICK_MS 500   /* looks around at least this often */
#define WAITING_MS 20 /* and this often while requests wait for a server */

/* ---- pings: has a server answered? ---------------------------------------------------------- */

struct ping {
	struct request request;
};

static void ponged(struct request *r) { free(LIST_ITEM(struct ping, r, request)); }

void tgc_answered(struct tg_client *c) {
	if (c->t.heard_any) return;
	c->t.heard_any = true;
	(void)pthread_mutex_lock(&c->lock);
	c->answered = true;
	(void)pthread_cond_broadcast(&c->news);
	(void)pthread_mutex_unlock(&c->lock);
}

static void ping(struct tg_client *c, struct server *s, int64_t now) {
	struct ping *p = calloc(1, sizeof *p);
	if (!p || !tgc_admit(c)) {
		free(p);
		return;
	}
	p->request = (struct request){
		.kind = ASK_PING, .only = (int)s->index, .timeout_ms = c->settings.timeout_ms, .done = ponged};
	p->request.deadline_ms = now + p->request.timeout_ms;
	tgc_begin(c, &p->request, now);
}

/* ---- one round ------------------------------------------------------------------------------ */

/* Takes what callers handed over. False: it is time to end. */
static bool take_inbox(struct tg_client *c, int64_t now) {
	uint64_t count;
	(void)!read(c->wake, &count, sizeof count);
	(void)pthread_mutex_lock(&c->lock);
	struct request *r = c->inbox_first;
	bool stop = c->stop;
	c->t.greets |= c->waits;
	c->inbox_first = c->inbox_last = NULL;
	(void)pthread_mutex_unlock(&c->lock);
	while (r) {
		struct request *next = r->next;
		tgc_begin(c, r, now);
		r = next;
	}
	return !stop;
}

static void look_after(struct tg_client *c, struct server *s, int64_t now) {
	bool lost;
	bool connected = tgc_server_watch(c, s, now, &lost);
	if (lost) tgc_dispatch_lost(c, s, true, now);
	if (s->socket && tgc_receive(c, s, now)) tgc_dispatch_waiting(c, now);
	if (tgc_server_upkeep(c, s, now)) tgc_dispatch_lost(c, s, s->trouble != TG_BAD_REPLY, now);
	if (s->connected && !s->greeted && c->t.greets) {
		s->greeted = true;
		ping(c, s, now);
	}
	if (!connected) return;
	tgc_follow_connected(c, s->index);
	tgc_dispatch_waiting(c, now);
}

static long wait_ms(const struct tg_client *c, int64_t now) {
	int64_t next = tgc_dispatch_next(c), wait = TICK_MS;
	const struct follow *f = &c->t.follow;
	bool behind = f->known && !f->busy && (f->gap || f->again || !f->book || !f->filled);
	if (behind || f->wanted_cat || !list_empty(&c->t.waiting)) wait = WAITING_MS;
	for (unsigned i = 0; i < c->t.server_count; i++)
		if (c->t.servers[i].remake_ms && c->t.servers[i].remake_ms < next) next = c->t.servers[i].remake_ms;
	if (next <= now) return 0;
	return (long)(next - now < wait ? next - now : wait);
}

static void wait_for_news(struct tg_client *c) {
	zmq_pollitem_t items[2 + 2 * TG_SERVERS_MAX];
	int n = 0;
	items[n++] = (zmq_pollitem_t){.fd = c->wake, .events = ZMQ_POLLIN};
	for (unsigned i = 0; i < c->t.server_count; i++) {
		struct server *s = &c->t.servers[i];
		if (s->socket) items[n++] = (zmq_pollitem_t){.socket = s->socket, .events = ZMQ_POLLIN};
		if (s->monitor) items[n++] = (zmq_pollitem_t){.socket = s->monitor, .events = ZMQ_POLLIN};
	}
	if (c->t.follow.feed) items[n++] = (zmq_pollitem_t){.socket = c->t.follow.feed, .events = ZMQ_POLLIN};
	(void)zmq_poll(items, n, wait_ms(c, tgc_mono_ms()));
}

static void run(struct tg_client *c) {
	int64_t stirred = 0;
	for (;;) {
		int64_t now = tgc_mono_ms();
		if (!take_inbox(c, now)) return;
		for (unsigned i = 0; i < c->t.server_count; i++) look_after(c, &c->t.servers[i], now);
		if (now - stirred >= WAITING_MS) {
			stirred = now;
			tgc_mono_note(&c->truth);
			tgc_dispatch_waiting(c, now);
		}
		tgc_follow(c, now);
		tgc_dispatch_timers(c, now);
		wait_for_news(c);
	}
}

/* ---- its beginning and its end -------------------------------------------------------------- */

static enum error open_sockets(struct tg_client *c, struct problem *why) {
	struct client_thread *t = &c->t;
	t->zmq = zmq_ctx_new();
	if (!t->zmq) return problem_set(why, ERR_MEMORY, "ZeroMQ: %s", zmq_strerror(zmq_errno()));
	t->server_count = c->settings.query.count;
	/* a pong names the catalog, which no feed does then */
	t->greets = c->settings.remembers && !c->settings.feed.count;
	for (unsigned i = 0; i < t->server_count; i++) {
		struct server *s = &t->servers[i];
		s->index = i;
		s->endpoint = c->settings.query.at[i];
		backoff_init(&s->remake, REMAKE_MS, REMAKE_MAX_MS);
		backoff_init(&s->suspect, SUSPECT_MS, SUSPECT_MAX_MS);
		backoff_init(&s->overload, OVERLOAD_MS, OVERLOAD_MAX_MS);
		s->window = WINDOW_MAX;
		enum error e = tgc_server_make(c, s, why);
		if (e) return e;
	}
	return OK;
}

static void close_sockets(struct tg_client *c) {
	tgc_follow_close(c);
	for (unsigned i = 0; i < c->t.server_count; i++) tgc_server_unmake(&c->t.servers[i]);
	while (c->t.zmq && zmq_ctx_term(c->t.zmq) != 0 && errno == EINTR) {
	}
	c->t.zmq = NULL;
}

static void end_all(struct tg_client *c) {
	struct link *head = &c->t.by_deadline;
	while (!list_empty(head))
		tgc_finish(c, LIST_ITEM(struct request, head->after, by_deadline), TG_FALLBACK, TG_NO_SERVER,
			   "the client is being closed");
}

void *tgc_thread(void *client) {
	struct tg_client *c = client;
	struct problem why = {0};
	(void)prctl(PR_SET_NAME, "tiergate", 0, 0, 0);
	enum error e = open_sockets(c, &why);
	c->open_error = e == ERR_MEMORY ? ENOMEM : e ? EINVAL : 0;
	(void)snprintf(c->open_why, sizeof c->open_why, "%.*s", TG_WHY_SIZE - 1, problem_text(&why));
	bool opened = !e;
	(void)sem_post(&c->opened);
	if (opened) {
		run(c);
		end_all(c);
	}
	close_sockets(c);
	return NULL;
}
