#include "customer.h"

#include <stdio.h>
#include <stdlib.h>

#include "net/backoff.h"
#include "service/clock.h"
#include "service/random.h"
#include "shop_private.h"

#define RETRY_BASE_MS 100
#define RETRY_CAP_MS 1500
#define RETRIES 4 /* of a step that fails */
#define GET_CUSTOMER "/v1/customers/{id}?expand[]=subscriptions"
#define FORM_MAX 2048

enum flight_step { ASKS_QUERY, LOOKS, SEARCHES, CREATES, VERIFIES, ADDS_EMAIL };

struct flight {
	bool used;
	struct shop *shop;
	char subject[SUBJECT_MAX + 1];
	enum customer_wish wish;
	struct waiting waiting;
	int64_t give_up_ms;
	enum flight_step step;
	unsigned at, count; /* which of those that query knows */
	char known[TG_CUSTOMERS_MAX][STRIPE_ID_MAX];
	char id[STRIPE_ID_MAX]; /* the customer that it will be; "" for none yet */
	json_t *customer;       /* as Stripe shows it, when it was asked */
	unsigned key;           /* how many were used up */
	bool by_key;            /* id is what Stripe answered under the key */
	bool calling;           /* an answer is to come */
	int64_t retry_ms;       /* when the step is taken again; 0: it is under way */
	struct backoff backoff;
	char email[256];
};

struct flights {
	unsigned top; /* no flight in use lies there or beyond */
	struct flight at[FLIGHTS_MAX];
};

struct flights *flights_create(void) {
	return calloc(1, sizeof(struct flights));
}

void flights_destroy(struct flights **pf) {
	if (!pf || !*pf) return;
	for (unsigned i = 0; i < FLIGHTS_MAX; i++) json_decref((*pf)->at[i].customer);
	free(*pf);
	*pf = NULL;
}

static void step_take(struct flight *f);

/* ---- the end ------------------------------------------------------------------------------------- */

static void close_flight(struct flight *f) {
	struct flights *all = f->shop->flights;
	json_decref(f->customer);
	*f = (struct flight){.used = false};
	while (all->top && !all->at[all->top - 1].used) all->top--;
}

/* Those who wait are let go one by one: each call may end its visit, and may open another flight, but not this one. */
static void land(struct flight *f) {
	const struct found_customer found = {
		.id = f->id[0] ? f->id : NULL,
		.currency = text_of(f->customer, "currency"),
		.subscriptions = data_of(json_object_get(f->customer, "subscriptions")),
	};
	for (struct visit *v; (v = f->waiting.first);) {
		visit_leave(v);
		v->found(v, &found);
	}
	close_flight(f);
}

static void fail(struct flight *f, const struct stripe_answer *s) {
	for (struct visit *v; (v = f->waiting.first);) {
		visit_leave(v);
		if (s && visit_failed(v, s)) continue;
		ask_refuse(v->ask, s ? REFUSAL_STRIPE : REFUSAL_UNAVAILABLE, NULL);
	}
	close_flight(f);
}

/* Takes the step again after a while, or gives up with the answer. */
static void again(struct flight *f, const struct stripe_answer *s) {
	bool in_use = s && s->status == 409; /* this passes; the rest may not */
	if (!in_use && f->backoff.failures >= RETRIES) {
		fail(f, s);
		return;
	}
	uint64_t random = 0;
	if (random_u64(&random, NULL)) random = (uint64_t)mono_us();
	int64_t wait = backoff_failed(&f->backoff, random);
	if (s && s->retry_after_ms > wait) wait = s->retry_after_ms;
	int64_t at = mono_ms() + (wait > 10 ? wait : 10);
	if (at >= f->give_up_ms)
		fail(f, s);
	else
		f->retry_ms = at;
}

/* ---- calls --------------------------------------------------------------------------------------- */

static void answered(void *ctx, const struct stripe_answer *s);

static void send(struct flight *f, const char *path, struct view form, const char *key) {
	struct stripe_call c = {
		.post = form.len > 0, .path = path, .form = form, .idempotency_key = key, .done = answered, .ctx = f};
	f->retry_ms = 0;
	f->calling = path && f->shop->ports.stripe(f->shop->ports.ctx, &c, false);
	if (!f->calling) again(f, NULL);
}

static void look_at(struct flight *f, enum flight_step step, const char *id) {
	char room[STRIPE_PATH_MAX];
	struct writer w = writer_of(room, sizeof room);
	f->step = step;
	stripe_path(&w, GET_CUSTOMER, view_str(id));
	send(f, stripe_text_end(&w), VIEW_NONE, NULL);
}

static void search(struct flight *f) {
	char query[2 * SUBJECT_MAX + 160], room[STRIPE_PATH_MAX];
	struct writer w = writer_of(room, sizeof room);
	f->step = SEARCHES;
	if (!customer_query(f->shop->metadata_key, f->subject, query, sizeof query)) query[0] = 0;
	stripe_path(&w, "/v1/customers/search", VIEW_NONE);
	stripe_param(&w, "query", view_str(query));
	stripe_param_number(&w, "limit", 100);
	send(f, stripe_text_end(&w), VIEW_NONE, NULL);
}

static void create(struct flight *f) {
	char key[CUSTOMER_KEY_SIZE], name[96], room[FORM_MAX];
	struct writer w = writer_of(room, sizeof room);
	f->step = CREATES;
	(void)snprintf(name, sizeof name, "metadata[%s]", f->shop->metadata_key);
	stripe_field(&w, name, view_str(f->subject));
	customer_key(f->shop->livemode, f->shop->metadata_key, f->subject, f->key, key);
	send(f, key[0] ? "/v1/customers" : NULL, writer_view(&w), key);
}

static void add_email(struct flight *f) {
	char room[FORM_MAX], path[STRIPE_PATH_MAX];
	struct writer form = writer_of(room, sizeof room), w = writer_of(path, sizeof path);
	f->step = ADDS_EMAIL;
	stripe_path(&w, "/v1/customers/{id}", view_str(f->id));
	stripe_field(&form, "email", view_str(f->email));
	send(f, stripe_text_end(&w), writer_view(&form), NULL);
}

static void got_profile(void *arg, enum tg_status status, const struct tg_profile *p);

static void ask_query(struct flight *f) {
	f->step = ASKS_QUERY;
	f->retry_ms = 0;
	f->calling = f->shop->ports.profile(f->shop->ports.ctx, f->subject, got_profile, f);
	if (!f->calling) again(f, NULL);
}

/* The next thing that is not known yet. */
static void proceed(struct flight *f) {
	backoff_init(&f->backoff, RETRY_BASE_MS, RETRY_CAP_MS);
	/* an action counts on one customer */
	if (f->at > 0 && f->at < f->count && f->waiting.first) ask_add_calls(f->waiting.first->ask, 1);
	if (f->at < f->count)
		look_at(f, LOOKS, f->known[f->at]);
	else if (f->id[0] || f->wish == CUSTOMER_FIND)
		land(f);
	else if (f->step == LOOKS || f->step == ASKS_QUERY)
		search(f);
	else
		create(f);
}

static void step_take(struct flight *f) {
	switch (f->step) {
	case ASKS_QUERY:
		ask_query(f);
		break;
	case LOOKS:
		look_at(f, LOOKS, f->known[f->at]);
		break;
	case SEARCHES:
		search(f);
		break;
	case VERIFIES:
		look_at(f, VERIFIES, f->id);
		break;
	case CREATES:
		create(f);
		break;
	case ADDS_EMAIL:
		land(f);
		break; /* it was worth one try */
	}
}

/* ---- answers ------------------------------------------------------------------------------------- */

static void got_profile(void *arg, enum tg_status status, const struct tg_profile *p) {
	struct flight *f = arg;
	f->calling = false;
	if (status != TG_OK) {
		fail(f, NULL);
		return;
	}
	f->count = 0;
	for (size_t i = 0; i < p->customer_count && i < TG_CUSTOMERS_MAX; i++) {
		copy_text(f->known[f->count], sizeof f->known[0], p->customers[i]);
		if (f->known[f->count][0]) f->count++;
	}
	proceed(f);
}

static void take_customer(struct flight *f, const char *id, json_t *customer) {
	copy_text(f->id, sizeof f->id, id);
	json_decref(f->customer);
	f->customer = json_incref(customer);
}

/* One that query knows. The first that is there is taken, unless a later one pays. */
static void looked(struct flight *f, const struct stripe_answer *s) {
	bool there = s->outcome == STRIPE_OK && !yes_of(s->body, "deleted");
	if (s->outcome == STRIPE_OK && !text_is(s->body, "id", f->known[f->at])) {
		fail(f, s); /* not what was asked for */
		return;
	}
	if (s->outcome != STRIPE_OK && s->outcome != STRIPE_MISSING) {
		if (stripe_outcome_passes(s->outcome))
			again(f, s);
		else
			fail(f, s);
		return;
	}
	bool pays = there && living_subscription(data_of(json_object_get(s->body, "subscriptions")));
	if (there && (pays || !f->id[0])) take_customer(f, f->known[f->at], s->body);
	f->at = pays ? f->count : f->at + 1;
	proceed(f);
}

/* Stripe's search takes "alice" and "Alice" for the same text; here they are two subjects. */
static bool is_subjects(const struct flight *f, const json_t *customer) {
	return text_is(json_object_get(customer, "metadata"), f->shop->metadata_key, f->subject);
}

/* The oldest: it is the same for all who search. */
static void searched(struct flight *f, const struct stripe_answer *s) {
	const json_t *all = s->outcome == STRIPE_OK ? data_of(s->body) : NULL, *oldest = NULL;
	for (size_t i = 0; i < json_array_size(all); i++) {
		const json_t *c = json_array_get(all, i);
		if (!text_of(c, "id") || yes_of(c, "deleted") || !is_subjects(f, c)) continue;
		if (!oldest || whole_of(c, "created", 0) < whole_of(oldest, "created", 0)) oldest = c;
	}
	if (!oldest) {
		proceed(f); /* also when it could not be asked: see the header */
		return;
	}
	copy_text(f->id, sizeof f->id, text_of(oldest, "id"));
	look_at(f, VERIFIES, f->id);
}

static void next_key(struct flight *f, const struct stripe_answer *s) {
	f->id[0] = 0;
	if (++f->key >= CUSTOMER_KEYS_MAX)
		fail(f, s);
	else
		create(f);
}

static void created(struct flight *f, const struct stripe_answer *s) {
	const char *id = s->outcome == STRIPE_OK ? text_of(s->body, "id") : NULL;
	if (s->outcome == STRIPE_OK && (!id || !*id || strlen(id) >= STRIPE_ID_MAX)) {
		fail(f, s);
		return;
	}
	if (id) {
		f->by_key = true;
		copy_text(f->id, sizeof f->id, id);
		log_info(f->shop->log, log_ev("customer_made"), kv_str("customer", f->id),
			 kv_bool("again", s->replayed), kv_u64("key", f->key));
		if (s->replayed) /* an answer from up to a day ago: is it still there? */
			look_at(f, VERIFIES, f->id);
		else if (f->email[0])
			add_email(f);
		else
			land(f);
		return;
	}
	bool in_use = s->status == 409; /* another process is making it just now */
	if (s->outcome == STRIPE_SERVER && s->replayed)
		next_key(f, s);
	else if (in_use || stripe_outcome_passes(s->outcome))
		again(f, s);
	else
		fail(f, s);
}

static void verified(struct flight *f, const struct stripe_answer *s) {
	bool gone = s->outcome == STRIPE_MISSING || (s->outcome == STRIPE_OK && yes_of(s->body, "deleted"));
	/* the index may say what was changed since */
	if (s->outcome == STRIPE_OK && !f->by_key && !is_subjects(f, s->body)) gone = true;
	if (gone && f->by_key)
		next_key(f, s);
	else if (gone) { /* the search's index is behind */
		f->id[0] = 0;
		create(f);
	} else if (s->outcome == STRIPE_OK && text_is(s->body, "id", f->id)) {
		take_customer(f, f->id, s->body);
		land(f);
	} else if (stripe_outcome_passes(s->outcome))
		again(f, s);
	else
		fail(f, s);
}

static void answered(void *ctx, const struct stripe_answer *s) {
	struct flight *f = ctx;
	f->calling = false;
	switch (f->step) {
	case ASKS_QUERY:
		break;
	case LOOKS:
		looked(f, s);
		break;
	case SEARCHES:
		searched(f, s);
		break;
	case CREATES:
		created(f, s);
		break;
	case VERIFIES:
		verified(f, s);
		break;
	case ADDS_EMAIL:
		land(f);
		break; /* without it the checkout asks for one */
	}
}

/* ---- opening ------------------------------------------------------------------------------------- */

static struct flight *find(struct flights *all, const char *subject, enum customer_wish wish) {
	for (unsigned i = 0; i < all->top; i++) {
		struct flight *f = &all->at[i];
		if (f->used && f->wish == wish && strcmp(f->subject, subject) == 0) return f;
	}
	return NULL;
}

static struct flight *open(struct flights *all) {
	for (unsigned i = 0; i < FLIGHTS_MAX; i++) {
		if (all->at[i].used) continue;
		if (all->top <= i) all->top = i + 1;
		return &all->at[i];
	}
	return NULL;
}

/* An address that a form may hold; what is odd is left out, and Stripe asks the payer. */
static void take_email(struct flight *f, const char *email) {
	if (!strchr(email, '@')) return;
	for (const char *c = email; *c; c++)
		if (*c <= ' ' || *c > '~') return;
	copy_text(f->email, sizeof f->email, email);
}

void customer_of(struct visit *v, enum customer_wish wish,
		 void (*then)(struct visit *v, const struct found_customer *c)) {
	const char *subject = ask_subject(v->ask);
	struct flight *f = find(v->shop->flights, subject, wish);
	bool is_new = !f;
	if (is_new) f = open(v->shop->flights);
	if (!f || strlen(subject) > SUBJECT_MAX) {
		ask_refuse(v->ask, REFUSAL_UNAVAILABLE, NULL);
		return;
	}
	v->found = then;
	visit_wait(v, &f->waiting);
	if (!is_new) return;
	f->used = true;
	f->shop = v->shop;
	f->wish = wish;
	f->give_up_ms = mono_ms() + CUSTOMER_DEADLINE_MS;
	(void)snprintf(f->subject, sizeof f->subject, "%s", subject);
	take_email(f, ask_email(v->ask));
	backoff_init(&f->backoff, RETRY_BASE_MS, RETRY_CAP_MS);
	ask_query(f);
}

/* ---- timers -------------------------------------------------------------------------------------- */

void flights_run(struct shop *s, int64_t now_ms) {
	for (unsigned i = 0; i < s->flights->top; i++) {
		struct flight *f = &s->flights->at[i];
		if (f->used && !f->calling && f->retry_ms && f->retry_ms <= now_ms) step_take(f);
	}
}

int64_t flights_due_ms(const struct shop *s) {
	int64_t due = INT64_MAX;
	for (unsigned i = 0; i < s->flights->top; i++) {
		const struct flight *f = &s->flights->at[i];
		if (f->used && !f->calling && f->retry_ms && f->retry_ms < due) due = f->retry_ms;
	}
	return due;
}
