#include "ask_query.h"

#include "client/raw.h"
#include "moment.h"
#include "value.h"

#include <errno.h>
#include <stdio.h>

enum error query_question(const struct call *c, struct tg01_question *ret_q, struct problem *why) {
	struct tg01_question q = {.sub = view_str(call_argument(c)),
				  .acct = view_str(c->s.account),
				  .tier = view_str(c->s.tier),
				  .feat = view_str(c->s.feature),
				  .min_ver = c->s.min_ver};
	if (q.sub.len == 0 || q.sub.len > SUBJECT_MAX)
		return problem_set(why, ERR_USAGE, "a subject has 1 to %d bytes", SUBJECT_MAX);
	if (q.acct.len > ACCOUNT_MAX) return problem_set(why, ERR_USAGE, "--account: over %d bytes", ACCOUNT_MAX);
	if (q.tier.len > NAME_MAX_BYTES || q.feat.len > NAME_MAX_BYTES)
		return problem_set(why, ERR_USAGE, "a tier's or feature's name has at most %d bytes", NAME_MAX_BYTES);
	if (c->s.at) {
		enum error e = moment_read("--at", c->s.at, &q.at, why);
		if (e) return e;
	}
	*ret_q = q;
	return OK;
}

static enum error refusal(const struct tg01_reply *r, struct problem *why) {
	enum error e = ERR_UNAVAILABLE;
	switch (r->code) {
	case TG01_BAD_REQUEST:
	case TG01_UNKNOWN_FEATURE:
	case TG01_UNKNOWN_TIER:
	case TG01_TOO_LARGE:
		e = ERR_USAGE;
		break;
	case TG01_INTERNAL:
		e = ERR_INTERNAL;
		break;
	case TG01_FORBIDDEN:
	case TG01_UNSUPPORTED_VERSION:
	case TG01_UNKNOWN_OP:
	case TG01_OVERLOADED:
	case TG01_NOT_READY:
	case TG01_BEHIND:
	default:
		break;
	}
	return problem_set(why, e, "%.*s: %.*s", VIEW_FMT(r->code_name), VIEW_FMT(r->text));
}

static enum error join(const struct endpoints *list, char *out, size_t size, struct problem *why) {
	size_t n = 0;
	out[0] = '\0';
	if (list->count > TG_SERVERS_MAX)
		return problem_set(why, ERR_USAGE, "more than %d query services", TG_SERVERS_MAX);
	for (unsigned i = 0; i < list->count; i++)
		n += (size_t)snprintf(out + n, size - n, "%s%s", i ? ";" : "", list->at[i]);
	return OK;
}

enum error query_open(const struct call *c, bool feed, struct tg_client **ret_client, struct problem *why) {
	char query[ENDPOINTS_TEXT_MAX], feeds[ENDPOINTS_TEXT_MAX] = "", text[TG_WHY_SIZE] = "";
	const struct tg_options o = {.query = query,
				     .feed = feed ? feeds : NULL,
				     .curve_dir = c->s.curve_dir,
				     .account = c->s.account,
				     .cache_bytes = 1 << 20,
				     .timeout_ms = (int)c->s.timeout_ms};
	enum error e = join(&c->s.query, query, sizeof query, why);
	if (!e && feed) e = join(&c->s.feed, feeds, sizeof feeds, why);
	if (e) return e;
	int code = tg_client_open(&o, ret_client, text);
	if (code) return problem_set(why, code == ENOMEM ? ERR_MEMORY : ERR_CONFIG, "%s", text);
	return OK;
}

enum error query_silence(const struct call *c, enum tg_error error, const char *text, struct problem *why) {
	if (error == TG_BAD_REPLY) return problem_set(why, ERR_MALFORMED, "%s", text);
	if (error == TG_KEY_UNKNOWN) return problem_set(why, ERR_UNAVAILABLE, "%s", text);
	return problem_set(why, error == TG_TIMED_OUT ? ERR_TIMEOUT : ERR_UNAVAILABLE,
			   "no answer within %lld ms from %.110s (%s): is tiergate-query running?",
			   (long long)c->s.timeout_ms, c->s.query.at[0], settings_origin(c->settings, "QUERY"));
}

struct asking {
	void (*take)(void *ctx, const struct tg01_reply *reply);
	void *ctx;
	enum error error;
	struct problem *why;
};

static void take(void *ctx, const struct tg01_reply *reply) {
	struct asking *a = ctx;
	if (reply->failed)
		a->error = refusal(reply, a->why);
	else
		a->take(a->ctx, reply);
}

enum error query_ask(const struct call *c, const struct tg01_request *r,
		     void (*take_reply)(void *ctx, const struct tg01_reply *reply), void *ctx, struct problem *why) {
	AUTO(tg_client_close)
	struct tg_client *client = NULL;
	char text[TG_WHY_SIZE];
	enum tg_error error;
	struct asking a = {.take = take_reply, .ctx = ctx, .why = why};
	enum error e = query_open(c, false, &client, why);
	if (e) return e;
	if (tgc_ask_raw(client, r, take, &a, &error, text) != TG_OK) return query_silence(c, error, text, why);
	return a.error;
}

json_t *query_source(json_t *result, const struct tg01_source *s) {
	if (!result) return NULL;
	json_object_set_new(result, "epoch", hex_json(s->epoch));
	json_object_set_new(result, "ver", u64_json(s->ver));
	json_object_set_new(result, "as_of", time_json(s->as_of));
	return result;
}
