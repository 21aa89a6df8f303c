/* What the service answers: pure functions of a subject's row, the catalog and the moment. */
#ifndef QUERY_ANSWER_H
#define QUERY_ANSWER_H

#include "domain/catalog.h"
#include "domain/entitlement.h"
#include "proto/state.h"
#include "proto/tg01.h"

/* A client's clock may be this far behind ours and still mean now. */
#define AT_SLACK_S 5

/* Why a question has no answer; TG01_CODE_COUNT: it has one. */
struct answer_failure {
	enum tg01_code code;
	char text[TG01_ERROR_TEXT_MAX + 1];
};

/* What the question requires, in the catalog's numbers. False: unknown_tier or unknown_feature. */
NODISCARD bool answer_requirement(const struct catalog *c, const struct tg01_question *q,
				  struct requirement *ret_requirement, struct answer_failure *ret_why);

/* The moment that the question is about: now, or its `at`. True in *ret_past: it is over, and the log of changes knows
 * what was answered. */
int64_t answer_moment(const struct tg01_question *q, int64_t now, bool *ret_past);

/* A change of the log as backends are told of it. Views point into it. */
struct tg01_change answer_change(const struct change *c);

/* What was answered then, as an entitlement of now's catalog: the tier, the reason and the dates are the log's, what
 * the tier includes is the catalog's. False: bad_request, the catalog has that tier no more. Views point into both. */
NODISCARD bool answer_past(const struct catalog *c, const struct change *then, struct entitlement *ret_e,
			   struct answer_failure *ret_why);
/* Why the log has no answer: it begins at from_ms, after `at`; or the moment is too many changes back. */
struct answer_failure answer_no_log(int64_t at, int64_t from_ms);

/* `now` and `at` differ when the question names another moment. Texts are the catalog's and literals. */
struct tg01_answer answer_check(const struct entitlement *e, struct requirement q, int64_t now, int64_t at);

/* feats: room for FEATURES_MAX; the profile points into it. */
struct tg01_profile answer_get(const struct entitlement *e, struct view *feats, int64_t now, int64_t at);

#endif
