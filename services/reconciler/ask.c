#include "reconciler.h"
#include "service/clock.h"
#include "service/random.h"

#define TURN_OF_PASS 4 /* of so many requests at least one is the pass's, however many wants there are */

int64_t stripe_now_s(const struct reconciler *r) { return (wall_ms() + r->clock_ahead_ms) / 1000; }

static int64_t pause_ms(struct reconciler *r, const struct stripe_answer *a) {
	uint64_t random = 0;
	(void)!random_u64(&random, NULL); /* without it nobody is spread; that is all */
	if (a->outcome == STRIPE_REFUSED) return REFUSED_MS;
	return a->retry_after_ms + backoff_failed(&r->backoff, random);
}

/* A failure that came while nothing was to be asked any more belongs to the one that began the pause. */
static void pause_all(struct reconciler *r, const struct stripe_answer *a) {
	if (r->now_ms < r->paused_until_ms) return;
	int64_t pause = pause_ms(r, a);
	r->paused_until_ms = r->now_ms + pause;
	/* an API that gives a part of what is asked would fill the log */
	bool said = r->pause_said_ms && r->now_ms - r->pause_said_ms < PAUSE_SAID_MS;
	if (!said) {
		r->pause_said_ms = r->now_ms;
		r->pause_stands = true;
	}
	log_write(&r->service.log, said ? LEVEL_DEBUG : LEVEL_WARN,
		  LOG_FIELDS(log_ev("api_paused"), kv_str("outcome", stripe_outcome_name(a->outcome)),
			     kv_str("why", a->why), kv_str("request", a->request_id), kv_i64("pause_ms", pause)));
}

static void learn_key(struct reconciler *r, const struct stripe_answer *a) {
	bool refused = a->status == 401;
	r->key_used = true;
	if (refused && !r->key_refused) {
		log_error(&r->service.log, log_ev("api_key_refused"), kv_str("setting", "STRIPE_API_KEY"),
			  kv_str("why", a->why), kv_str("request", a->request_id),
			  kv_str("doing", "trying it again every five minutes"));
		health_broken(r->service.health, "api_key", "Stripe refuses it");
	}
	if (!refused && r->key_refused) {
		log_info(&r->service.log, log_ev("api_key_accepted"));
		health_met(r->service.health, "api_key");
	}
	r->key_refused = refused;
}

bool ask_learn(struct reconciler *r, const struct stripe_answer *a) {
	counter_add(r->metrics.requests[a->outcome], 1);
	r->asked = true;
	r->outcome = a->outcome;
	(void)problem_set(&r->outcome_why, OK, "%s", a->why);
	if (a->date) {
		r->clock_ahead_ms = a->date * 1000 - wall_ms();
		r->clock_known = true;
	}
	if (a->status) learn_key(r, a);
	if (stripe_outcome_passes(a->outcome) || a->status == 401) {
		if (a->status == 401) {
			r->paused_until_ms = r->now_ms + REFUSED_MS;
			return false;
		}
		pause_all(r, a);
		return false;
	}
	backoff_worked(&r->backoff);
	if (r->pause_stands) log_info(&r->service.log, log_ev("api_answers_again"));
	r->pause_stands = false;
	return true;
}

/* ---- whose turn it is ------------------------------------------------------------------- */

static struct errand *waiting_errand(struct reconciler *r) {
	for (unsigned i = 0; i < ERRANDS_MAX; i++)
		if (r->errands[i].stage == ERRAND_WAITS) return &r->errands[i];
	return NULL;
}

static bool free_errand(const struct reconciler *r) {
	for (unsigned i = 0; i < ERRANDS_MAX; i++)
		if (r->errands[i].stage == ERRAND_FREE) return true;
	return false;
}

/* One request, if there is one to send. Further pages first, since what they belong to is held in memory; then who
 * waits for an answer; then wants and the pass by turns. */
static bool send_one(struct reconciler *r) {
	struct errand *e = waiting_errand(r);
	struct task *t = e || !free_errand(r) ? NULL : queue_next(r->queue, r->now_ms);
	bool pass = pass_wants_request(r);
	if (!e && !t && !pass) return false;
	if (!token_bucket_take(&r->bucket, r->now_ms)) return false;
	r->requests++;
	bool passes_turn = pass && (r->turns++ % TURN_OF_PASS == 0);
	if (e) return errand_send(e);
	if (t && !(passes_turn && t->urgency == URGENT_WANT)) return errand_start(r, t);
	pass_send(r);
	return true;
}

static bool may_send(const struct reconciler *r) {
	return r->api && r->now_ms >= r->paused_until_ms && stripe_api_in_flight(r->api) < REQUESTS_MAX &&
	       !outbox_full(r);
}

void ask_some(struct reconciler *r) {
	while (may_send(r) && send_one(r)) {
	}
}

int64_t ask_wait_ms(struct reconciler *r, int64_t most) {
	if (!r->api) return most;
	most = stripe_api_wait_ms(r->api, most);
	if (stripe_api_in_flight(r->api) >= REQUESTS_MAX || outbox_full(r)) return most;
	if (r->now_ms < r->paused_until_ms) {
		int64_t left = r->paused_until_ms - r->now_ms;
		return left < most ? left : most;
	}
	int64_t wait = most;
	if (waiting_errand(r) || pass_wants_request(r))
		wait = 0;
	else if (free_errand(r))
		wait = queue_wait_ms(r->queue, r->now_ms, most);
	int64_t token = token_bucket_wait_ms(&r->bucket, r->now_ms);
	if (wait < token) wait = token;
	return wait < most ? wait : most;
}
