#include "private.h"

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
				      .ctx = &g->done};
		sent += tgc_submit(c, r);
	}
	while (sent > 0)
		if (sem_wait(&g->done) == 0) sent--;
	(void)sem_destroy(&g->done);
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

enum tg_status tg_check_many(struct tg_client *c, const struct tg_question *questions, size_t count,
			     struct tg_answer *ret_answers) {
	enum tg_status worst = TG_OK;
	if (count > TG_CHECK_MANY_MAX || !begin(questions, count, ret_answers)) return TG_USAGE;
	struct group g = {.count = (count + TG01_BATCH_MAX - 1) / TG01_BATCH_MAX};
	if (count == 0) return TG_OK;
	g.requests = calloc(g.count, sizeof *g.requests);
	if (!g.requests) return TG_MEMORY;
	ask_all(c, &g, questions, count, ret_answers);
	for (size_t i = 0; i < g.count; i++)
		for (unsigned k = 0; k < g.requests[i].count; k++) worst = worse(worst, finish(c, &g.requests[i], k));
	free(g.requests);
	return worst;
}
