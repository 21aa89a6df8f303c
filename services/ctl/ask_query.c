#include "ask_query.h"

#include "moment.h"
#include "value.h"

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

/* client.key and server.pub of the directory, where one is named. */
static enum error read_keys(const struct call *c, struct query_call *q, struct problem *why) {
	char path[4096 + 16];
	(void)snprintf(path, sizeof path, "%s/client.key", c->s.curve_dir);
	enum error e = curve_pair_read(path, true, &q->mine, why);
	if (e) return e == ERR_NOT_FOUND ? ERR_CONFIG : e;
	(void)snprintf(path, sizeof path, "%s/server.pub", c->s.curve_dir);
	e = curve_pair_read(path, false, &q->server, why);
	return e == ERR_NOT_FOUND ? ERR_CONFIG : e;
}

enum error query_ask(const struct call *c, const struct tg01_request *r, struct query_call *ret_q,
		     struct tg01_reply *ret_reply, struct problem *why) {
	*ret_q = (struct query_call){0};
	enum error e = c->s.curve_dir ? read_keys(c, ret_q, why) : OK;
	if (!e) e = zcontext_create(&ret_q->zmq, why);
	if (e) return e;
	const struct tg_client_options o = {.context = ret_q->zmq,
					    .endpoints = c->s.query,
					    .mine = c->s.curve_dir ? &ret_q->mine : NULL,
					    .server = c->s.curve_dir ? &ret_q->server : NULL,
					    .timeout_ms = (int)c->s.timeout_ms};
	e = tg_client_create(&o, &ret_q->client, why);
	struct problem inner = {0};
	if (!e) e = tg_client_ask(ret_q->client, r, ret_reply, &inner);
	if (e == ERR_UNAVAILABLE || e == ERR_TIMEOUT)
		return problem_set(why, e, "no answer within %lld ms from %.110s (%s): is tiergate-query running?",
				   (long long)c->s.timeout_ms, c->s.query.at[0], settings_origin(c->settings, "QUERY"));
	if (e) return inner.text[0] ? problem_set(why, e, "%s", inner.text) : e;
	return ret_reply->failed ? refusal(ret_reply, why) : OK;
}

void query_close(struct query_call *q) {
	tg_client_destroy(&q->client);
	zcontext_destroy(&q->zmq);
	curve_pair_forget(&q->mine);
}

json_t *query_source(json_t *result, const struct tg01_source *s) {
	if (!result) return NULL;
	json_object_set_new(result, "epoch", hex_json(s->epoch));
	json_object_set_new(result, "ver", u64_json(s->ver));
	json_object_set_new(result, "as_of", time_json(s->as_of));
	return result;
}
