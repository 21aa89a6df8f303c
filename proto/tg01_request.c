#include "proto/msgpack_out.h"
#include "proto/tg01_codec.h"

/* Everything that any request may hold: a key has one meaning and one type in all of them, so that one pass
 * over the map serves every op. */
struct raw {
	struct view op;
	const msgpack_object *id;
	struct tg01_question ask;
	const msgpack_object *checks;
	uint64_t ver;
	uint64_t epoch;
	const msgpack_object *max;
	struct view after;
	const msgpack_object *with;
};

#define QUESTION_FIELDS(type, in)                                                                                      \
	FIELD("sub", FIELD_TEXT, false, type, in sub, 1, SUBJECT_MAX),                                                 \
		FIELD("feat", FIELD_TEXT, false, type, in feat, 1, NAME_MAX_BYTES),                                    \
		FIELD("tier", FIELD_TEXT, false, type, in tier, 1, NAME_MAX_BYTES),                                    \
		FIELD("acct", FIELD_TEXT, false, type, in acct, 0, ACCOUNT_MAX),                                       \
		FIELD("min_ver", FIELD_U64, false, type, in min_ver, 0, UINT64_MAX),                                   \
		FIELD("at", FIELD_TIME, false, type, in at, 0, 0)

static const struct field request_fields[] = {
	FIELD("op", FIELD_TEXT, true, struct raw, op, 1, NAME_MAX_BYTES),
	FIELD("id", FIELD_OBJECT, true, struct raw, id, 0, 0),
	QUESTION_FIELDS(struct raw, ask.),
	FIELD("checks", FIELD_OBJECT, false, struct raw, checks, 0, 0),
	FIELD("ver", FIELD_U64, false, struct raw, ver, 0, UINT64_MAX),
	FIELD("epoch", FIELD_HEX64, false, struct raw, epoch, 0, 0),
	FIELD("max", FIELD_OBJECT, false, struct raw, max, 0, 0),
	FIELD("after", FIELD_TEXT, false, struct raw, after, 0, SUBJECT_MAX),
	FIELD("with", FIELD_OBJECT, false, struct raw, with, 0, 0),
};

static const struct field question_fields[] = {QUESTION_FIELDS(struct tg01_question, )};

static bool parse_op(struct view name, enum tg01_op *ret_op) {
	for (int i = 0; i < TG01_OP_COUNT; i++) {
		if (view_eq(name, view_str(tg01_op_name((enum tg01_op)i)))) {
			*ret_op = (enum tg01_op)i;
			return true;
		}
	}
	return false;
}

static enum error check_question(const struct tg01_question *q, struct problem *why) {
	if (!q->sub.len) return problem_set(why, ERR_MALFORMED, "sub: is missing");
	if (q->tier.len && q->feat.len) return problem_set(why, ERR_MALFORMED, "tier: not together with feat");
	if (!q->tier.len && !q->feat.len) return problem_set(why, ERR_MALFORMED, "tier: is missing, as is feat");
	return OK;
}

static enum error read_checks(struct tg01_decoder *d, const msgpack_object *list, unsigned *ret_count,
			      struct problem *why) {
	if (!list) return problem_set(why, ERR_MALFORMED, "checks: is missing");
	if (list->type != MSGPACK_OBJECT_ARRAY) return problem_set(why, ERR_MALFORMED, "checks: must be an array");
	if (list->via.array.size > TG01_BATCH_MAX)
		return problem_set(why, ERR_TOO_LARGE, "checks: more than %d", TG01_BATCH_MAX);
	for (unsigned i = 0; i < list->via.array.size; i++) {
		d->checks[i] = (struct tg01_question){0};
		enum error e = fields_read(&list->via.array.ptr[i], question_fields, ARRAY_LEN(question_fields),
					   &d->checks[i], why);
		if (!e) e = check_question(&d->checks[i], why);
		if (e) return tg01_problem_in(why, "checks", i, e);
	}
	*ret_count = list->via.array.size;
	return OK;
}

/* What a newer client asks for beside is no error: the reply shows what it got. */
static enum error read_with(const msgpack_object *list, unsigned *ret_with, struct problem *why) {
	static const struct field row = {VIEW_INIT("with"), FIELD_TEXT, true, 0, 0, NAME_MAX_BYTES};
	if (!list) return OK;
	enum error e = tg01_list(list, TG01_WITH_MAX, "with", why);
	for (unsigned i = 0; !e && i < list->via.array.size; i++) {
		struct view name;
		e = field_read(&row, &list->via.array.ptr[i], &name, why);
		if (e) return e;
		if (view_eq(name, VIEW("line"))) *ret_with |= TG01_WITH_LINE;
		if (view_eq(name, VIEW("customers"))) *ret_with |= TG01_WITH_CUSTOMERS;
	}
	return e;
}

static enum error read_max(const msgpack_object *o, unsigned limit, unsigned *ret_max, struct problem *why) {
	const struct field row = {VIEW_INIT("max"), FIELD_U64, true, 0, 1, limit};
	uint64_t max = limit;
	enum error e = o ? field_read(&row, o, &max, why) : OK;
	if (!e) *ret_max = (unsigned)max;
	return e;
}

static enum error finish(struct tg01_decoder *d, const struct raw *raw, struct tg01_request *r, struct problem *why) {
	switch (r->op) {
	case TG01_CHECK:
		return check_question(&r->ask, why);
	case TG01_GET:
		r->ask.tier = r->ask.feat = VIEW_NONE;
		if (!r->ask.sub.len) return problem_set(why, ERR_MALFORMED, "sub: is missing");
		return read_with(raw->with, &r->with, why);
	case TG01_BATCH:
		r->checks = d->checks;
		return read_checks(d, raw->checks, &r->check_count, why);
	case TG01_SINCE:
		return read_max(raw->max, TG01_SINCE_MAX, &r->max, why);
	case TG01_PAGE:
		return read_max(raw->max, TG01_PAGE_MAX, &r->max, why);
	case TG01_PING:
	case TG01_CATALOG:
	case TG01_OP_COUNT:
		break;
	}
	return OK;
}

static enum tg01_code code_of(enum error e) {
	if (e == ERR_TOO_LARGE) return TG01_TOO_LARGE;
	return e == ERR_MEMORY || e == ERR_INTERNAL ? TG01_INTERNAL : TG01_BAD_REQUEST;
}

/* Off the hot path: an id that can be read goes back with the refusal, and an op that is not known
 * is what the client should hear of first. */
static bool refuse(const msgpack_object *map, enum error e, const struct problem *why, struct tg01_failure *ret) {
	struct tg01_failure f = {.code = code_of(e)};
	(void)snprintf(f.text, sizeof f.text, "%.*s", TG01_ERROR_TEXT_MAX, problem_text(why));
	if (map) {
		const msgpack_object *id = fields_find(map, VIEW("id"));
		const msgpack_object *op = fields_find(map, VIEW("op"));
		enum tg01_op known;
		if (!id || !tg01_id_read(id, &f.id)) f.id = (struct tg01_id){0};
		if (op && op->type == MSGPACK_OBJECT_STR &&
		    !parse_op(view_of(op->via.str.ptr, op->via.str.size), &known)) {
			f.code = TG01_UNKNOWN_OP;
			(void)snprintf(f.text, sizeof f.text,
				       "op: is none of check, get, batch, since, ping, catalog, page");
		}
	}
	*ret = f;
	return false;
}

bool tg01_request_read(struct tg01_decoder *d, struct view message, struct tg01_request *ret_r,
		       struct tg01_failure *ret_why) {
	struct problem why = {0};
	msgpack_object map;
	enum error e = tg01_unpack(d, message, &map, &why);
	if (e) return refuse(NULL, e, &why, ret_why);
	struct raw raw = {0};
	e = fields_read(&map, request_fields, ARRAY_LEN(request_fields), &raw, &why);
	if (e) return refuse(&map, e, &why, ret_why);
	struct tg01_request r = {.ask = raw.ask, .ver = raw.ver, .epoch = raw.epoch, .after = raw.after};
	if (!tg01_id_read(raw.id, &r.id))
		e = problem_set(&why, ERR_MALFORMED, "id: must be an unsigned integer or a string of at most %d bytes",
				TG01_ID_MAX);
	else if (!parse_op(raw.op, &r.op))
		e = ERR_MALFORMED; /* refuse() says it */
	else
		e = finish(d, &raw, &r, &why);
	if (e) return refuse(&map, e, &why, ret_why);
	*ret_r = r;
	return true;
}

static unsigned question_keys(const struct tg01_question *q) {
	return 1u + (q->tier.len > 0) + (q->feat.len > 0) + (q->acct.len > 0) + (q->min_ver > 0) + (q->at > 0);
}

static void write_question(struct writer *w, const struct tg01_question *q) {
	out_text(w, VIEW("sub"), q->sub);
	if (q->tier.len) out_text(w, VIEW("tier"), q->tier);
	if (q->feat.len) out_text(w, VIEW("feat"), q->feat);
	if (q->acct.len) out_text(w, VIEW("acct"), q->acct);
	if (q->min_ver) out_u64(w, VIEW("min_ver"), q->min_ver);
	if (q->at > 0) out_i64(w, VIEW("at"), q->at);
}

static void begin(struct writer *w, const struct tg01_request *r, unsigned keys) {
	out_map(w, 2 + keys);
	out_text(w, VIEW("op"), view_str(tg01_op_name(r->op)));
	tg01_id_write(w, &r->id);
}

static void write_since(struct writer *w, const struct tg01_request *r) {
	begin(w, r, 1u + (r->epoch > 0) + (r->max > 0));
	out_u64(w, VIEW("ver"), r->ver);
	if (r->epoch) out_hex64(w, VIEW("epoch"), r->epoch);
	if (r->max) out_u64(w, VIEW("max"), r->max);
}

static void write_get(struct writer *w, const struct tg01_request *r) {
	const bool line = r->with & TG01_WITH_LINE, customers = r->with & TG01_WITH_CUSTOMERS;
	begin(w, r, question_keys(&r->ask) + (r->with != 0));
	write_question(w, &r->ask);
	if (!r->with) return;
	out_key(w, VIEW("with"));
	out_array(w, 0u + line + customers);
	if (line) out_string(w, VIEW("line"));
	if (customers) out_string(w, VIEW("customers"));
}

static void write_page(struct writer *w, const struct tg01_request *r) {
	begin(w, r, 0u + (r->ask.acct.len > 0) + (r->after.len > 0) + (r->max > 0));
	if (r->ask.acct.len) out_text(w, VIEW("acct"), r->ask.acct);
	if (r->after.len) out_text(w, VIEW("after"), r->after);
	if (r->max) out_u64(w, VIEW("max"), r->max);
}

void tg01_request_write(struct writer *w, const struct tg01_request *r) {
	switch (r->op) {
	case TG01_CHECK:
		begin(w, r, question_keys(&r->ask));
		write_question(w, &r->ask);
		break;
	case TG01_GET:
		write_get(w, r);
		break;
	case TG01_BATCH:
		begin(w, r, 1);
		out_key(w, VIEW("checks"));
		out_array(w, r->check_count);
		for (unsigned i = 0; i < r->check_count; i++) {
			out_map(w, question_keys(&r->checks[i]));
			write_question(w, &r->checks[i]);
		}
		break;
	case TG01_SINCE:
		write_since(w, r);
		break;
	case TG01_PAGE:
		write_page(w, r);
		break;
	case TG01_PING:
	case TG01_CATALOG:
		begin(w, r, 0);
		break;
	case TG01_OP_COUNT:
		w->failed = true;
		break;
	}
}
