#include "follow.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>

#define AHEAD 32 /* of questions, for which memory is asked at once */

static enum tg_status worse(enum tg_status a, enum tg_status b) { return a > b ? a : b; }

static void fail(struct tg_answer *a, enum tg_error error, const char *why) {
	tgc_answer_empty(a);
	a->error = error;
	(void)snprintf(a->why, sizeof a->why, "%s", why);
}

/* All that needs no server: false when nothing of the call is to be asked. */
static bool begin(const struct tg_question *questions, size_t count, struct tg_answer *answers) {
	struct asked asked;
	const bool many = count > TG_CHECK_MANY_MAX;
	bool right = !many;
	for (size_t i = 0; i < count && right; i++) right = !tgc_question_wrong(&questions[i], &asked);
	for (size_t i = 0; i < count && !right; i++) {
		const char *wrong =
			many ? "more questions than TG_CHECK_MANY_MAX" : tgc_question_wrong(&questions[i], &asked);
		fail(&answers[i], TG_NO_ERROR, wrong ? wrong : "");
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

/* Answers up to AHEAD of them, where the cache knows; empty answers are left for the others. Their count. */
static size_t look(struct tg_client *c, const struct tg_question *questions, size_t count, struct tg_answer *answers) {
	struct asked asked[AHEAD];
	struct key keys[AHEAD];
	size_t missed = 0;
	const bool ours = tgc_is_ours(c);
	/* memory is asked for all before it is waited for any */
	for (size_t i = 0; i < count; i++) {
		(void)tgc_question_wrong(&questions[i], &asked[i]);
		tgc_truth_seek(&c->truth, &asked[i], &keys[i]);
	}
	const int64_t now = tgc_mono_near_ms(&c->truth);
	for (size_t i = 0; i < count; i++) {
		if (ours && tgc_truth_check(&c->truth, &asked[i], &keys[i], now, c->settings.max_age_ms, &answers[i]))
			continue;
		tgc_answer_empty(&answers[i]);
		if (tgc_truth_missed(c)) tgc_fill(c, questions[i].subject);
		missed++;
	}
	return missed;
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
	for (size_t i = 0; i < count; i++) tgc_answer_empty(&answers[i]);
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

/* What the cache did not know is asked for in one go, and put in its place. */
static enum tg_status ask_missed(struct tg_client *c, const struct tg_question *questions, size_t count,
				 struct tg_answer *answers, size_t missed) {
	struct tg_question *left = calloc(missed, sizeof *left);
	struct tg_answer *found = calloc(missed, sizeof *found);
	enum tg_status worst = left && found ? TG_OK : TG_MEMORY;
	size_t n = 0;
	for (size_t i = 0; worst == TG_OK && i < count; i++)
		if (answers[i].source == TG_FROM_NOBODY) left[n++] = questions[i];
	if (n > 0) worst = ask_and_finish(c, left, n, found);
	n = 0;
	for (size_t i = 0; left && found && i < count; i++)
		if (answers[i].source == TG_FROM_NOBODY) answers[i] = found[n++];
	free(left);
	free(found);
	return worst;
}

static enum tg_status look_and_ask(struct tg_client *c, const struct tg_question *questions, size_t count,
				   struct tg_answer *answers) {
	size_t missed = 0;
	for (size_t from = 0; from < count; from += AHEAD)
		missed += look(c, questions + from, count - from < AHEAD ? count - from : AHEAD, answers + from);
	return missed ? ask_missed(c, questions, count, answers, missed) : TG_OK;
}

enum tg_status tg_check_many(struct tg_client *c, const struct tg_question *questions, size_t count,
			     struct tg_answer *ret_answers) {
	if (!begin(questions, count, ret_answers)) return TG_USAGE;
	if (count == 0) return TG_OK;
	if (c->settings.feed.count) return look_and_ask(c, questions, count, ret_answers);
	return ask_and_finish(c, questions, count, ret_answers);
}
