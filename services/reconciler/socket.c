#include "net/peers.h"
#include "reconciler.h"

#include <stdio.h>
#include <zmq.h>

#define AT_ONCE 32 /* requests taken in one turn of the loop */

struct incoming {
	bool whole;
	struct envelope envelope;
	unsigned frames;
	uint8_t version[8];
	size_t version_len;
	uint8_t body[RECONCILE_MESSAGE_MAX];
	size_t body_len;
	unsigned rights;
};

/* ---- frames ------------------------------------------------------------------------------ */

static bool send_frame(struct reconciler *r, const void *bytes, size_t n, bool more) {
	return zmq_send(r->door.socket, bytes, n, (more ? ZMQ_SNDMORE : 0) | ZMQ_DONTWAIT) >= 0;
}

/* False: the peer does not read; or it has left, and then *ret_gone. */
static bool reply_to(struct reconciler *r, const struct envelope *e, const struct reconcile_reply *reply,
		     bool *ret_gone) {
	uint8_t bytes[RECONCILE_MESSAGE_MAX];
	struct writer w = writer_of(bytes, sizeof bytes);
	reconcile_reply_write(&w, reply);
	struct view v = writer_view(&w);
	bool sent = v.len > 0;
	*ret_gone = !sent;
	if (sent && !peers_may_send(r->door.peers, e->peer, v.len)) return false;
	for (unsigned i = 0; sent && i < e->count; i++) sent = send_frame(r, e->bytes[i], e->len[i], true);
	sent = sent && send_frame(r, RECONCILE_VERSION, sizeof RECONCILE_VERSION - 1, true);
	sent = sent && send_frame(r, v.ptr, v.len, false);
	if (!sent && zmq_errno() != EAGAIN) *ret_gone = true;
	return sent;
}

static void refuse(struct reconciler *r, const struct envelope *e, uint64_t id, enum reconcile_code code,
		   const char *text) {
	bool gone;
	const struct reconcile_reply reply = {
		.id = id, .say = RECONCILE_SAYS_ERROR, .code = code, .text = view_str(text)};
	(void)reply_to(r, e, &reply, &gone);
}

/* The last two frames are the version's and the body's; those before are who asks. */
static bool receive(struct reconciler *r, struct incoming *in) {
	bool more = true;
	zmq_msg_t frames[ENVELOPE_MAX + 2];
	struct peers *peers = r->door.peers;
	unsigned count = 0, taken = 0;
	size_t size = 0;
	uint32_t waiting;
	in->whole = true;
	while (more) {
		zmq_msg_t frame;
		zmq_msg_init(&frame);
		if (zmq_msg_recv(&frame, r->door.socket, ZMQ_DONTWAIT) < 0) {
			zmq_msg_close(&frame);
			peers_emptied(peers);
			break;
		}
		more = zmq_msg_more(&frame);
		if (taken++) size += zmq_msg_size(&frame);
		if (!more)
			in->envelope.peer =
				peers_took(peers, count ? &frames[0] : &frame, &frame, taken - 1, size, &waiting);
		in->whole = in->whole && count < ARRAY_LEN(frames);
		if (in->whole) {
			zmq_msg_init(&frames[count]);
			zmq_msg_move(&frames[count++], &frame);
		}
		zmq_msg_close(&frame);
	}
	bool any = count > 0;
	in->whole = in->whole && count >= 3;
	in->envelope.count = 0;
	for (unsigned i = 0; i < count; i++) {
		const void *bytes = zmq_msg_data(&frames[i]);
		size_t n = zmq_msg_size(&frames[i]);
		if (in->whole && i + 2 < count) {
			in->whole = n <= sizeof in->envelope.bytes[0];
			if (in->whole) memcpy(in->envelope.bytes[i], bytes, n);
			in->envelope.len[i] = n;
			in->envelope.count = i + 1;
		} else if (in->whole && i + 2 == count) {
			in->version_len = n < sizeof in->version ? n : 0;
			memcpy(in->version, bytes, in->version_len);
		} else if (in->whole) {
			in->whole = n <= sizeof in->body;
			in->body_len = n;
			in->rights = door_rights(&r->door, &frames[i]);
			if (in->whole) memcpy(in->body, bytes, n);
		}
		zmq_msg_close(&frames[i]);
	}
	return any;
}

/* ---- askers ---------------------------------------------------------------------------------- */

static uint64_t bit_of(unsigned i) { return (uint64_t)1 << i; }

static int asker_add(struct reconciler *r, const struct incoming *in, const struct reconcile_request *q) {
	for (unsigned i = 0; i < ASKERS_MAX; i++) {
		struct asker *a = &r->askers[i];
		if (a->used) continue;
		*a = (struct asker){.used = true,
				    .envelope = in->envelope,
				    .id = q->id,
				    .op = q->op,
				    .begun_ms = r->now_ms,
				    .deadline_ms = r->now_ms + (q->op == RECONCILE_CUSTOMER ? CUSTOMER_MS : ASKER_MS)};
		return (int)i;
	}
	return -1;
}

static void asker_end(struct reconciler *r, unsigned i, const struct reconcile_reply *reply) {
	bool gone;
	(void)reply_to(r, &r->askers[i].envelope, reply, &gone); /* who has left waits for nothing */
	queue_forget(r->queue, bit_of(i));
	r->askers[i].used = false;
}

static void asker_done(struct reconciler *r, unsigned i) {
	struct asker *a = &r->askers[i];
	a->done.took_ms = (uint64_t)(r->now_ms - a->begun_ms);
	struct reconcile_reply reply = {.id = a->id, .say = RECONCILE_SAYS_DONE};
	reply.of.done = a->done;
	asker_end(r, i, &reply);
}

static void asker_failed(struct reconciler *r, unsigned i, enum reconcile_code code, const char *why) {
	const struct reconcile_reply reply = {
		.id = r->askers[i].id, .say = RECONCILE_SAYS_ERROR, .code = code, .text = view_str(why)};
	asker_end(r, i, &reply);
}

static bool asker_asks(struct reconciler *r, unsigned i, const struct scope *scope, const struct fetch *f) {
	const struct question x = {.scope = *scope,
				   .fetch = *f,
				   .urgency = r->askers[i].op == RECONCILE_FETCH ? URGENT_ASKED : URGENT_SESSION,
				   .since_ms = r->now_ms,
				   .not_before_ms = r->now_ms,
				   .asker = bit_of(i)};
	if (!queue_ask(r->queue, &x)) return false;
	r->askers[i].outstanding++;
	return true;
}

/* An id, or an expanded object's. */
static struct view reference(const json_t *object, const char *key) {
	const json_t *v = json_object_get(object, key);
	if (json_is_object(v)) v = json_object_get(v, "id");
	return view_of(json_string_value(v), json_string_length(v));
}

/* The session's subscription and customer: together they are what unlocks. */
static void follow_session(struct reconciler *r, unsigned i, const struct scope *scope, const json_t *session) {
	const struct fetch named[] = {{FETCH_SUBSCRIPTION, reference(session, "subscription")},
				      {FETCH_CUSTOMER, reference(session, "customer")}};
	r->askers[i].followed = true;
	for (size_t k = 0; k < ARRAY_LEN(named); k++)
		if (named[k].id.len) (void)asker_asks(r, i, scope, &named[k]);
}

void socket_served(struct reconciler *r, uint64_t askers, const struct task *t, const json_t *object,
		   const struct batch *b, bool missing) {
	for (unsigned i = 0; i < ASKERS_MAX; i++) {
		struct asker *a = &r->askers[i];
		if (!(askers & bit_of(i)) || !a->used) continue;
		a->outstanding--;
		a->done.requests++;
		a->done.appended += b->appended;
		a->done.missing += missing;
		if (a->op == RECONCILE_SESSION && !a->followed && object) follow_session(r, i, &t->scope, object);
		if (b->origin != a->origin) a->seq = 0;
		a->origin = b->origin;
		if (b->seq > a->seq) a->seq = b->seq;
		a->applying = !a->outstanding && a->op == RECONCILE_CUSTOMER;
		if (!a->outstanding && !a->applying) asker_done(r, i);
	}
}

bool socket_waits_for_store(const struct reconciler *r) {
	for (unsigned i = 0; i < ASKERS_MAX; i++)
		if (r->askers[i].used && r->askers[i].applying) return true;
	return false;
}

void socket_applied(struct reconciler *r) {
	if (!socket_waits_for_store(r) || !store_renew(r)) return;
	for (unsigned i = 0; i < ASKERS_MAX; i++) {
		const struct asker *a = &r->askers[i];
		uint64_t applied = 0;
		if (!a->used || !a->applying || look_cursor(r->look, a->origin, &applied)) continue;
		if (applied >= a->seq) asker_done(r, i);
	}
	store_rest(r);
}

void socket_failed(struct reconciler *r, uint64_t askers, enum reconcile_code code, const char *why) {
	for (unsigned i = 0; i < ASKERS_MAX; i++)
		if (askers & bit_of(i) && r->askers[i].used) asker_failed(r, i, code, why);
}

void socket_expire(struct reconciler *r) {
	for (unsigned i = 0; i < ASKERS_MAX; i++) {
		struct asker *a = &r->askers[i];
		if (!a->used || a->op == RECONCILE_PASS || r->now_ms < a->deadline_ms) continue;
		bool journal = link_silent(r->link);
		if (a->applying) {
			asker_failed(r, i, RECONCILE_BEHIND, "the worker has not applied what is in the journal");
			continue;
		}
		asker_failed(r, i, journal ? RECONCILE_NO_JOURNAL : RECONCILE_API_UNREACHABLE,
			     journal ? "the journal does not answer" : problem_text(&r->outcome_why));
	}
}

/* ---- the pass's asker ---------------------------------------------------------------------------- */

bool socket_found(struct reconciler *r, const struct reconcile_found *f) {
	if (r->pass.asker < 0) return true;
	struct asker *a = &r->askers[r->pass.asker];
	struct reconcile_reply reply = {.id = a->id, .say = RECONCILE_SAYS_FOUND};
	bool gone = false;
	reply.of.found = *f;
	if (reply_to(r, &a->envelope, &reply, &gone)) {
		a->deadline_ms = INT64_MAX;
		return true;
	}
	if (a->deadline_ms == INT64_MAX) a->deadline_ms = r->now_ms + ASKER_MS; /* to read something */
	if (!gone && r->now_ms < a->deadline_ms) return false;
	/* who asked has left, or reads no more: the pass goes on without */
	a->used = false;
	r->pass.asker = -1;
	return true;
}

void socket_pass_over(struct reconciler *r) {
	struct pass *p = &r->pass;
	if (p->asker < 0) return;
	if (p->failed) {
		asker_failed(r, (unsigned)p->asker, p->failed, problem_text(&p->why));
		return;
	}
	r->askers[p->asker].done = p->done;
	asker_done(r, (unsigned)p->asker);
}

/* ---- requests ---------------------------------------------------------------------------------------- */

static void answer_status(struct reconciler *r, const struct incoming *in, uint64_t id) {
	bool gone;
	struct reconcile_reply reply = {.id = id, .say = RECONCILE_SAYS_STATUS};
	reply.of.status = report_status(r);
	(void)reply_to(r, &in->envelope, &reply, &gone);
}

/* A scheduled pass gives way: whatever it has not done is in this one too. */
static void ask_pass(struct reconciler *r, const struct incoming *in, const struct reconcile_request *q) {
	if (r->pass.stage != PASS_NONE && r->pass.asker >= 0) {
		refuse(r, &in->envelope, q->id, RECONCILE_BUSY, "a pass that somebody asked for is under way");
		return;
	}
	for (unsigned i = 0; i < ASKERS_MAX; i++) {
		if (!r->askers[i].used || r->askers[i].op != RECONCILE_PASS) continue;
		refuse(r, &in->envelope, q->id, RECONCILE_BUSY, "another pass is asked for already");
		return;
	}
	int i = asker_add(r, in, q);
	if (i < 0) {
		refuse(r, &in->envelope, q->id, RECONCILE_BUSY, "too many are waiting");
		return;
	}
	r->askers[i].done = (struct reconcile_done){.dry = q->dry};
	r->askers[i].outstanding = q->full ? 2 : 1;
	if (r->pass.stage != PASS_NONE) pass_fail(r, RECONCILE_BUSY, "somebody asks for another pass");
}

static void ask_object(struct reconciler *r, const struct incoming *in, const struct reconcile_request *q) {
	if (q->scope.livemode != r->livemode) {
		refuse(r, &in->envelope, q->id, RECONCILE_WRONG_MODE, "the key is of the other mode");
		return;
	}
	int i = asker_add(r, in, q);
	const struct fetch subscriptions = {FETCH_SUBSCRIPTIONS_OF, q->fetch.id};
	bool asked = i >= 0 && asker_asks(r, (unsigned)i, &q->scope, &q->fetch);
	if (asked && q->op == RECONCILE_CUSTOMER) asked = asker_asks(r, (unsigned)i, &q->scope, &subscriptions);
	if (asked) return;
	if (i >= 0) {
		queue_forget(r->queue, bit_of((unsigned)i));
		r->askers[i].used = false;
	}
	refuse(r, &in->envelope, q->id, RECONCILE_BUSY, "too many are waiting");
}

/* A key's connection may outlive its rights: they are looked at with each request. */
static bool may(unsigned rights, enum reconcile_op op) {
	bool little = op == RECONCILE_SESSION || op == RECONCILE_CUSTOMER || op == RECONCILE_STATUS;
	return rights & (little ? CURVE_SESSION | CURVE_RECONCILE : (unsigned)CURVE_RECONCILE);
}

static void answer(struct reconciler *r, const struct incoming *in) {
	struct reconcile_request q = {0};
	struct problem why = {0};
	uint64_t id = 0;
	if (!view_eq(view_of(in->version, in->version_len), VIEW(RECONCILE_VERSION))) {
		refuse(r, &in->envelope, 0, RECONCILE_UNSUPPORTED_VERSION,
		       "the first frame must be " RECONCILE_VERSION);
		return;
	}
	enum error e = reconcile_request_read(view_of(in->body, in->body_len), &q, &id, &why);
	if (e) {
		refuse(r, &in->envelope, id, e == ERR_VERSION ? RECONCILE_UNKNOWN_OP : RECONCILE_BAD_REQUEST,
		       problem_text(&why));
	} else if (!may(in->rights, q.op)) {
		refuse(r, &in->envelope, q.id, RECONCILE_FORBIDDEN, "the key has not the right");
	} else if (q.op == RECONCILE_STATUS) {
		answer_status(r, in, q.id);
	} else if (!r->api) {
		refuse(r, &in->envelope, q.id, RECONCILE_NO_API_KEY, "no STRIPE_API_KEY is configured");
	} else if (r->key_refused) {
		refuse(r, &in->envelope, q.id, RECONCILE_API_REFUSED, "Stripe refuses the key");
	} else if (q.op == RECONCILE_PASS) {
		ask_pass(r, in, &q);
	} else {
		ask_object(r, in, &q);
	}
}

/* A pass that is asked for begins once the one under way has ended. */
static void begin_asked_pass(struct reconciler *r) {
	if (r->pass.stage != PASS_NONE) return;
	for (unsigned i = 0; i < ASKERS_MAX; i++) {
		struct asker *a = &r->askers[i];
		if (!a->used || a->op != RECONCILE_PASS) continue;
		const struct pass how = {
			.asker = (int)i, .sweeps = true, .dry = a->done.dry, .full = a->outstanding == 2};
		a->deadline_ms = INT64_MAX;
		pass_begin(r, &how);
		return;
	}
}

void socket_serve(struct reconciler *r) {
	static struct incoming in; /* large; one thread */
	for (unsigned n = 0; n < AT_ONCE && receive(r, &in); n++)
		if (in.whole) answer(r, &in);
	begin_asked_pass(r);
}
