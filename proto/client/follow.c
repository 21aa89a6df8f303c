#include "follow.h"

#include "net/curve_gate.h"

#include <zmq.h>

static enum error open_feed(struct tg_client *c, struct problem *why) {
	struct follow *f = &c->t.follow;
	const struct settings *o = &c->settings;
	const struct zsocket_limits limits = {.receive_hwm = FEED_HWM, .message_max = TG01_MESSAGE_MAX};
	const int reconnect_max = RECONNECT_MAX_MS;
	struct endpoints one = {.count = 1};
	memcpy(one.at[0], o->feed.at[f->leader], sizeof one.at[0]);
	enum error e = zsocket_create(c->t.zmq, ZMQ_SUB, &limits, &f->feed, why);
	if (e) return e;
	(void)zmq_setsockopt(f->feed, ZMQ_RECONNECT_IVL_MAX, &reconnect_max, sizeof reconnect_max);
	(void)zmq_setsockopt(f->feed, ZMQ_SUBSCRIBE, "", 0);
	e = curve_connect_all(f->feed, o->has_keys ? &o->mine : NULL, o->has_keys ? tgc_key_of(o, one.at[0]) : NULL,
			      &one, why);
	if (e) zsocket_close(&f->feed);
	return e;
}

void tgc_follow_close(struct tg_client *c) { zsocket_close(&c->t.follow.feed); }

/* Whose feed next: that of a server which is connected, if there is one. */
static unsigned next_leader(const struct tg_client *c) {
	const unsigned n = c->t.server_count;
	for (unsigned step = 1; step <= n; step++) {
		unsigned i = (c->t.follow.leader + step) % n;
		if (c->t.servers[i].connected) return i;
	}
	return c->t.follow.leader + 1 < n ? c->t.follow.leader + 1 : 0;
}

static void listen_anew(struct tg_client *c, int64_t now) {
	struct follow *f = &c->t.follow;
	if (f->feed) {
		f->leader = next_leader(c);
		COUNT(c, reconnects);
	}
	tgc_follow_close(c);
	(void)open_feed(c, NULL); /* what it lacks now it may have at the next try */
	f->listening_ms = now;
	f->failing_ms = 0;
	f->offset_count = 0;
	f->session++;
}

static bool receive(void *socket, zmq_msg_t parts[2], unsigned *ret_count) {
	unsigned n = 0;
	for (bool more = true; more;) {
		zmq_msg_t spare, *m = n < 2 ? &parts[n] : &spare;
		(void)zmq_msg_init(m);
		if (zmq_msg_recv(m, socket, ZMQ_DONTWAIT) < 0) {
			(void)zmq_msg_close(m);
			for (unsigned i = 0; i < n && i < 2; i++) (void)zmq_msg_close(&parts[i]);
			return false;
		}
		more = zmq_msg_more(m);
		if (m == &spare) (void)zmq_msg_close(m);
		if (n < 3) n++;
	}
	*ret_count = n;
	return true;
}

static void listen(struct tg_client *c, int64_t now) {
	struct follow *f = &c->t.follow;
	zmq_msg_t parts[2];
	unsigned n;
	for (unsigned i = 0; i < FEED_AT_ONCE && f->feed && receive(f->feed, parts, &n); i++) {
		if (n == 2)
			tgc_hear(c, view_of(zmq_msg_data(&parts[0]), zmq_msg_size(&parts[0])),
				 view_of(zmq_msg_data(&parts[1]), zmq_msg_size(&parts[1])), now);
		for (unsigned k = 0; k < n && k < 2; k++) (void)zmq_msg_close(&parts[k]);
	}
}

/* ---- asking the leader ------------------------------------------------------------------- */

static void asked(struct request *r) {
	struct follow *f = LIST_ITEM(struct follow, r, request);
	const int64_t now = tgc_mono_ms();
	f->busy = false;
	if (r->status == TG_OK) {
		f->failing_ms = 0;
		return;
	}
	/* whoever named it is gone, or does not show it: it is named again, and the leader must be asked meanwhile */
	if (r->kind == ASK_CATALOG) f->wanted_cat = 0;
	f->retry_ms = now + ASK_AGAIN_MS;
	if (!f->failing_ms) f->failing_ms = now;
}

static void ask(struct tg_client *c, enum request_kind kind, unsigned of, int64_t now) {
	struct follow *f = &c->t.follow;
	if (!tgc_admit(c)) return;
	f->busy = true;
	f->client = c;
	f->asked_in = f->session;
	f->request =
		(struct request){.kind = kind, .only = (int)of, .timeout_ms = 2000, .subject = f->after, .done = asked};
	f->request.deadline_ms = now + f->request.timeout_ms;
	tgc_begin(c, &f->request, now);
}

void tgc_catalog_named(struct tg_client *c, uint64_t cat, unsigned by) {
	struct follow *f = &c->t.follow;
	if (!c->truth.cache || cat == 0 || tgc_book_of(&c->truth.books, cat)) return;
	f->wanted_cat = cat;
	f->wanted_of = by;
}

const struct book *tgc_catalog_came(struct tg_client *c, const struct tg01_reply *reply, int64_t now) {
	struct follow *f = &c->t.follow;
	if (reply->source.cat == 0) return NULL;
	const struct book *b = tgc_book_take(&c->truth.books, &reply->of.catalog, reply->source.cat, c->t.names, now);
	f->wanted_cat = 0;
	if (!b || !f->known || f->cat != reply->source.cat || f->book) return b;
	f->book = b;
	if (f->ver >= f->head) tgc_confirm(c, f->told_ms);
	return b;
}

void tgc_follow_changes(struct tg_client *c, const struct request *r, const struct tg01_reply *reply) {
	struct follow *f = &c->t.follow;
	const struct tg01_source *s = &reply->source;
	const int64_t now = tgc_mono_ms();
	if (r != &f->request || f->asked_in != f->session) return;
	if (reply->of.since.reset || s->epoch != f->epoch) {
		tgc_generation_begin(c, s->epoch, s->cat ? s->cat : f->cat, s->ver);
		return;
	}
	/* the feed may be away: then nobody else says that the lines we have are of another catalog */
	if (s->cat && s->cat != f->cat) {
		tgc_generation_begin(c, s->epoch, s->cat, f->ver);
		f->again = true;
		return;
	}
	for (unsigned i = 0; i < reply->of.since.count; i++) tgc_apply(c, &reply->of.since.changes[i], now);
	if (f->ver < s->ver) f->ver = s->ver;
	f->gap = reply->of.since.more || f->ver < f->head;
	tgc_confirm(c, r->deadline_ms - r->timeout_ms); /* when it was asked: the reply may have been long on its way */
}

void tgc_follow_page(struct tg_client *c, const struct request *r, const struct tg01_reply *reply, int64_t now) {
	struct follow *f = &c->t.follow;
	if (r != &f->request || f->asked_in != f->session) return;
	if (reply->source.epoch != f->epoch || reply->source.cat != f->cat) return; /* a heartbeat will tell */
	f->paging = true;
	for (unsigned i = 0; i < reply->of.page.count; i++) {
		const struct tg01_subject *s = &reply->of.page.subjects[i];
		tgc_keep(c, &reply->source, s->sub, s->ver, &s->line, now);
		memcpy(f->after, s->sub.ptr, s->sub.len);
		f->after[s->sub.len] = '\0';
	}
	if (reply->of.page.more && reply->of.page.count) return;
	f->paging = false;
	f->filled = true;
	f->after[0] = '\0';
	/* every change since the generation began was applied, to a subject whose page had not come yet as well */
	if (!f->gap) tgc_confirm(c, f->told_ms);
}

void tgc_follow_connected(struct tg_client *c, unsigned server) {
	if (server == c->t.follow.leader) c->t.follow.again = true;
}

/* Its feed is late, or it came back: its query socket knows as well what has changed. */
static bool is_due(const struct tg_client *c, int64_t now) {
	const struct follow *f = &c->t.follow;
	int64_t word = atomic_load_explicit(&c->truth.word_ms, memory_order_relaxed);
	return c->t.servers[f->leader].connected && (f->again || now - word >= FEED_LATE_MS);
}

/* What the leader has to be asked next. */
static void catch_up(struct tg_client *c, int64_t now) {
	struct follow *f = &c->t.follow;
	if (f->busy || now < f->retry_ms) return;
	if (f->known && f->cat && !f->book) {
		f->book = tgc_book_of(&c->truth.books, f->cat);
		if (!f->book) ask(c, ASK_CATALOG, f->leader, now);
	} else if (f->wanted_cat) {
		ask(c, ASK_CATALOG, f->wanted_of, now);
	} else if (f->known && f->cat && !f->filled) {
		if (!f->paging) f->after[0] = '\0';
		ask(c, ASK_PAGE, f->leader, now);
	} else if (f->known && (f->gap || is_due(c, now))) {
		f->again = false;
		ask(c, ASK_SINCE, f->leader, now);
	}
}

void tgc_follow(struct tg_client *c, int64_t now) {
	struct follow *f = &c->t.follow;
	if (!c->truth.cache) return;
	if (c->settings.feed.count) {
		int64_t last = f->heard_ms > f->listening_ms ? f->heard_ms : f->listening_ms;
		bool helpless = c->t.server_count > 1 && f->failing_ms && now - f->failing_ms >= FEED_SILENT_MS;
		if (!f->feed || now - last >= FEED_SILENT_MS || helpless) listen_anew(c, now);
		listen(c, now);
	}
	catch_up(c, now);
}
