#include "follow.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>

static enum tg_status worse(enum tg_status a, enum tg_status b) { return a > b ? a : b; }

static void fail(struct tg_answer *a, enum tg_error error, const char *why) {
	tgc_answer_empty(a);
	a->error = error;
	(void)snprintf(a->why, sizeof a->why, "%s", why);
}

/* All that needs no server: false when nothing of the call is to be asked. */
static bool begin(const struct tg_question *questions, size_t count, struct tg_answer *answers) {
	bool right = true;
	for (size_t i = 0; i < count; i++) {
		const char *wrong = tgc_question_wrong(&questions[i]);
		fail(&answers[i], TG_NO_ERROR, wrong ? wrong : "");
		right &= !wrong;
	}
	return right;
}

struct group {
	sem_t done;
	struct request *requests;
	size_t count;
};

static void post(struct request *r) { (void)sem_post(r->ctx); }

/* One message for each TG01_BATCH_MAX questions, all on their way at once. */
static void ask_all(struct tg_client *c, struct group *g, const struct tg_question *questions, size_t count,
		    struct tg_answer *answers) {
	size_t sent = 0;
	(void)sem_init(&g->done, 0, 0);
	for (size_t i = 0; i < g->count; i++) {
		const size_t from = i * TG01_BATCH_MAX, left = count - from;
		struct request *r = &g->requests[i];
		*r = (struct request){.kind = ASK_BATCH,
				      .only = -1,
				      .timeout_ms = c->settings.timeout_ms,
				      .questions = questions + from,
				      .count = (unsigned)(left < TG01_BATCH_MAX ? left : TG01_BATCH_MAX),
				      .answers = answers + from,
				      .done = post,
				      .waited_for = true,
				      .ctx = &g->done};
		sent += tgc_submit(c, r);
	}
	while (sent > 0)
		if (sem_wait(&g->done) == 0) sent--;
	(void)sem_destroy(&g->done);
}

/* Answers what the cache knows. The others are moved to the front of `left`, which has room for all; their count. */
static size_t look_all(struct tg_client *c, const struct tg_question *questions, size_t count,
		       struct tg_answer *answers, struct tg_question *left, size_t *places) {
	size_t n = 0;
	for (size_t i = 0; i < count; i++) {
		const struct tg_question *q = &questions[i];
		if (tgc_is_ours(c) && tgc_truth_check(&c->truth, q, c->settings.max_age_ms, &answers[i])) continue;
		tgc_answer_empty(&answers[i]);
		if (tgc_truth_missed(c)) tgc_fill(c, q->subject);
		left[n] = *q;
		places[n++] = i;
	}
	return n;
}

static enum tg_status finish(struct tg_client *c, const struct request *r, unsigned i) {
	struct tg_answer *a = &r->answers[i];
	char why[TG_WHY_SIZE];
	if (r->status == TG_FALLBACK) return tgc_outage(c, &r->questions[i], r->error, r->why, a);
	if (r->status != TG_OK) {
		fail(a, r->error, r->why);
		return r->status;
	}
	if (a->error == TG_NO_ERROR) return TG_OK;
	if (a->error == TG_WRONG_QUESTION) return TG_REFUSED;
	memcpy(why, a->why, sizeof why);
	return tgc_outage(c, &r->questions[i], a->error, why, a);
}

static enum tg_status ask_and_finish(struct tg_client *c, const struct tg_question *questions, size_t count,
				     struct tg_answer *answers) {
	enum tg_status worst = TG_OK;
	struct group g = {.count = (count + TG01_BATCH_MAX - 1) / TG01_BATCH_MAX};
	if (count == 0) return TG_OK;
	g.requests = calloc(g.count, sizeof *g.requests);
	if (!g.requests) return TG_MEMORY;
	ask_all(c, &g, questions, count, answers);
	for (size_t i = 0; i < g.count; i++)
		for (unsigned k = 0; k < g.requests[i].count; k++) worst = worse(worst, finish(c, &g.requests[i], k));
	free(g.requests);
	return worst;
}

/* What the cache does not know is asked for in one go, and put in its place. */
static enum tg_status look_and_ask(struct tg_client *c, const struct tg_question *questions, size_t count,
				   struct tg_answer *answers) {
	struct tg_question *left = calloc(count, sizeof *left);
	size_t *places = calloc(count, sizeof *places), n = 0;
	struct tg_answer *found = NULL;
	enum tg_status worst = left && places ? TG_OK : TG_MEMORY;
	if (worst == TG_OK) n = look_all(c, questions, count, answers, left, places);
	if (n > 0) {
		found = calloc(n, sizeof *found);
		for (size_t i = 0; found && i < n; i++) tgc_answer_empty(&found[i]);
		worst = found ? ask_and_finish(c, left, n, found) : TG_MEMORY;
		for (size_t i = 0; found && i < n; i++) answers[places[i]] = found[i];
	}
	free(left);
	free(places);
	free(found);
	return worst;
}

enum tg_status tg_check_many(struct tg_client *c, const struct tg_question *questions, size_t count,
			     struct tg_answer *ret_answers) {
	if (count > TG_CHECK_MANY_MAX || !begin(questions, count, ret_answers)) return TG_USAGE;
	if (count == 0) return TG_OK;
	if (c->settings.feed.count) return look_and_ask(c, questions, count, ret_answers);
	return ask_and_finish(c, questions, count, ret_answers);
}
