#include "proto/reconcile.h"

#include "proto/msgpack_out.h"
#include "proto/stream_codec.h"

static const char *const op_names[] = {
#define X(symbol, name) [symbol] = name,
	RECONCILE_OP_TABLE(X)
#undef X
};

static const struct {
	const char *name;
	bool retry;
	enum error error;
} codes[] = {
#define X(symbol, name, retry, error) [symbol] = {name, retry, error},
	RECONCILE_CODE_TABLE(X)
#undef X
};

static unsigned known(enum reconcile_code c) {
	return (unsigned)c < RECONCILE_CODE_COUNT ? (unsigned)c : RECONCILE_INTERNAL;
}

const char *reconcile_op_name(enum reconcile_op op) { return (unsigned)op < RECONCILE_OP_COUNT ? op_names[op] : "?"; }
const char *reconcile_code_name(enum reconcile_code c) { return codes[known(c)].name; }
bool reconcile_code_retry(enum reconcile_code c) { return codes[known(c)].retry; }
enum error reconcile_code_error(enum reconcile_code c) { return codes[known(c)].error; }

/* ---- requests -------------------------------------------------------------------------- */

struct raw_request {
	struct reconcile_request r;
	struct view op, mode, session, customer, fetch;
};

static const struct field request_fields[] = {
	FIELD("op", FIELD_TEXT, true, struct raw_request, op, 1, NAME_MAX_BYTES),
	FIELD("id", FIELD_U64, true, struct raw_request, r.id, 0, UINT64_MAX),
	FIELD("dry", FIELD_FLAG, false, struct raw_request, r.dry, 0, 0),
	FIELD("full", FIELD_FLAG, false, struct raw_request, r.full, 0, 0),
	FIELD("mode", FIELD_TEXT, false, struct raw_request, mode, 1, 8),
	FIELD("acct", FIELD_TEXT, false, struct raw_request, r.scope.account, 0, ACCOUNT_MAX),
	FIELD("session", FIELD_TEXT, false, struct raw_request, session, 1, STRIPE_ID_MAX),
	FIELD("customer", FIELD_TEXT, false, struct raw_request, customer, 1, STRIPE_ID_MAX),
	FIELD("fetch", FIELD_TEXT, false, struct raw_request, fetch, 1, NAME_MAX_BYTES),
	FIELD("of", FIELD_TEXT, false, struct raw_request, r.fetch.id, 1, STRIPE_ID_MAX),
};

static void write_scope(struct writer *w, const struct scope *s) {
	out_text(w, VIEW("mode"), stream_mode_name(s->livemode));
	out_text(w, VIEW("acct"), s->account);
}

void reconcile_request_write(struct writer *w, const struct reconcile_request *r) {
	static const unsigned keys[RECONCILE_OP_COUNT] = {[RECONCILE_PASS] = 2,
							  [RECONCILE_SESSION] = 3,
							  [RECONCILE_CUSTOMER] = 3,
							  [RECONCILE_FETCH] = 4,
							  [RECONCILE_STATUS] = 0};
	if ((unsigned)r->op >= RECONCILE_OP_COUNT) {
		w->failed = true;
		return;
	}
	out_map(w, 2 + keys[r->op]);
	out_text(w, VIEW("op"), view_str(op_names[r->op]));
	out_u64(w, VIEW("id"), r->id);
	if (r->op == RECONCILE_PASS) {
		out_flag(w, VIEW("dry"), r->dry);
		out_flag(w, VIEW("full"), r->full);
	} else if (r->op == RECONCILE_SESSION) {
		write_scope(w, &r->scope);
		out_text(w, VIEW("session"), r->fetch.id);
	} else if (r->op == RECONCILE_CUSTOMER) {
		write_scope(w, &r->scope);
		out_text(w, VIEW("customer"), r->fetch.id);
	} else if (r->op == RECONCILE_FETCH) {
		write_scope(w, &r->scope);
		out_text(w, VIEW("fetch"), view_str(fetch_name(r->fetch.kind)));
		out_text(w, VIEW("of"), r->fetch.id);
	}
}

static enum error missing(const char *key, struct problem *why) {
	return problem_set(why, ERR_MALFORMED, "%s: is missing", key);
}

static enum error finish(struct raw_request *raw, struct problem *why) {
	if (raw->r.op == RECONCILE_PASS || raw->r.op == RECONCILE_STATUS) {
		raw->r.scope = (struct scope){0};
		raw->r.fetch = (struct fetch){0};
		return OK;
	}
	raw->r.dry = raw->r.full = false;
	if (!raw->mode.len) return missing("mode", why);
	enum error e = stream_mode_parse(raw->mode, &raw->r.scope.livemode, why);
	if (e) return e;
	if (raw->r.op == RECONCILE_SESSION) {
		raw->r.fetch = (struct fetch){FETCH_CHECKOUT, raw->session};
		return raw->session.len ? OK : missing("session", why);
	}
	if (raw->r.op == RECONCILE_CUSTOMER) {
		raw->r.fetch = (struct fetch){FETCH_CUSTOMER, raw->customer};
		return raw->customer.len ? OK : missing("customer", why);
	}
	if (!raw->fetch.len) return missing("fetch", why);
	if (!raw->r.fetch.id.len) return missing("of", why);
	raw->r.fetch.kind = fetch_parse(raw->fetch);
	return raw->r.fetch.kind ? OK : problem_set(why, ERR_VERSION, "fetch: is nothing that can be fetched");
}

enum error reconcile_request_read(struct view message, struct reconcile_request *ret_r, uint64_t *ret_id,
				  struct problem *why) {
	struct raw_request raw = {0};
	enum error e = fields_read_message(message, RECONCILE_MESSAGE_MAX, request_fields, ARRAY_LEN(request_fields),
					   &raw, why);
	*ret_id = raw.r.id;
	if (e) return e;
	unsigned op = 0;
	while (op < RECONCILE_OP_COUNT && !view_eq(raw.op, view_str(op_names[op]))) op++;
	if (op == RECONCILE_OP_COUNT)
		return problem_set(why, ERR_VERSION, "op: is none of pass, session, customer, fetch, status");
	raw.r.op = (enum reconcile_op)op;
	e = finish(&raw, why);
	if (!e) *ret_r = raw.r;
	return e;
}
