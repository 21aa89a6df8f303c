/* What the service answers: pure functions of a subject's row, the catalog and the moment. */
#ifndef QUERY_ANSWER_H
#define QUERY_ANSWER_H

#include "domain/catalog.h"
#include "domain/entitlement.h"
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

/* The moment that the question is about: now, or its `at`. False: bad_request, `at` is in the past. */
NODISCARD bool answer_moment(const struct tg01_question *q, int64_t now, int64_t *ret_at,
			     struct answer_failure *ret_why);

/* `now` and `at` differ when the question names a moment to come. Texts are the catalog's and literals. */
struct tg01_answer answer_check(const struct entitlement *e, struct requirement q, int64_t now, int64_t at);

/* feats: room for FEATURES_MAX; the profile points into it. */
struct tg01_profile answer_get(const struct entitlement *e, struct view *feats, int64_t now, int64_t at);

#endif
