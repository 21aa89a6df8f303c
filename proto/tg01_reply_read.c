#include "proto/tg01_codec.h"

#define TEXT_MAX NAME_MAX_BYTES /* of reasons, statuses and codes; tiers and features have it as their limit */

#define SOURCE_FIELDS                                                                                                  \
	FIELD("id", FIELD_OBJECT, true, struct raw, id, 0, 0),                                                         \
		FIELD("epoch", FIELD_HEX64, false, struct raw, reply.source.epoch, 0, 0),                              \
		FIELD("ver", FIELD_U64, true, struct raw, reply.source.ver, 0, UINT64_MAX),                            \
		FIELD("as_of", FIELD_TIME, false, struct raw, reply.source.as_of, 0, 0)
#define CAT_FIELD FIELD("cat", FIELD_HEX64, false, struct raw, reply.source.cat, 0, 0)

#define ANSWER_FIELDS(type, in)                                                                                        \
	FIELD("allowed", FIELD_FLAG, true, type, in allowed, 0, 0),                                                    \
		FIELD("reason", FIELD_TEXT, true, type, in reason, 1, TEXT_MAX),                                       \
		FIELD("tier", FIELD_TEXT, true, type, in tier, 1, TEXT_MAX),                                           \
		FIELD("status", FIELD_TEXT, true, type, in status, 1, TEXT_MAX),                                       \
		FIELD("until", FIELD_TIME, false, type, in until, 0, 0),                                               \
		FIELD("ttl", FIELD_U64, true, type, in ttl, 0, TG01_TTL_MAX),                                          \
		FIELD("stale", FIELD_FLAG, false, type, in stale, 0, 0),                                               \
		FIELD("need", FIELD_TEXT, false, type, in need, 1, TEXT_MAX)

/* ttl is a uint64_t while it is read */
struct raw_answer {
	bool allowed, stale;
	struct view reason, tier, status, need;
	int64_t until;
	uint64_t ttl;
};

struct raw {
	struct tg01_reply reply;
	const msgpack_object *id;
	const msgpack_object *list;
	const msgpack_object *line, *customers; /* get */
	const msgpack_object *tiers;            /* catalog */
	struct raw_answer answer;
	uint64_t ttl;
};

static const struct field answer_fields[] = {SOURCE_FIELDS, ANSWER_FIELDS(struct raw, answer.)};
static const struct field result_fields[] = {ANSWER_FIELDS(struct raw_answer, )};

static const struct field profile_fields[] = {
	SOURCE_FIELDS,
	FIELD("tier", FIELD_TEXT, true, struct raw, reply.of.profile.tier, 1, TEXT_MAX),
	FIELD("feats", FIELD_OBJECT, true, struct raw, list, 0, 0),
	FIELD("seats", FIELD_U64, true, struct raw, reply.of.profile.seats, 0, UINT64_MAX),
	FIELD("status", FIELD_TEXT, true, struct raw, reply.of.profile.status, 1, TEXT_MAX),
	FIELD("reason", FIELD_TEXT, true, struct raw, reply.of.profile.reason, 1, TEXT_MAX),
	FIELD("until", FIELD_TIME, false, struct raw, reply.of.profile.until, 0, 0),
	FIELD("next_billing", FIELD_TIME, false, struct raw, reply.of.profile.next_billing, 0, 0),
	FIELD("ttl", FIELD_U64, true, struct raw, ttl, 0, TG01_TTL_MAX),
	FIELD("stale", FIELD_FLAG, false, struct raw, reply.of.profile.stale, 0, 0),
	FIELD("line", FIELD_OBJECT, false, struct raw, line, 0, 0),
	FIELD("line_until", FIELD_TIME, false, struct raw, reply.of.profile.line.until, 0, 0),
	FIELD("customers", FIELD_OBJECT, false, struct raw, customers, 0, 0),
	CAT_FIELD,
};

static const struct field pong_fields[] = {
	SOURCE_FIELDS,
	FIELD("ready", FIELD_FLAG, true, struct raw, reply.of.pong.ready, 0, 0),
	FIELD("proto", FIELD_TEXT, true, struct raw, reply.of.pong.proto, 1, TEXT_MAX),
	FIELD("build", FIELD_TEXT, true, struct raw, reply.of.pong.build, 0, TEXT_MAX),
	FIELD("lag_ms", FIELD_TIME, false, struct raw, reply.of.pong.lag_ms, 0, 0),
	FIELD("uptime_s", FIELD_U64, true, struct raw, reply.of.pong.uptime_s, 0, UINT64_MAX),
	CAT_FIELD,
};

static const struct field batch_fields[] = {SOURCE_FIELDS,
					    FIELD("results", FIELD_OBJECT, true, struct raw, list, 0, 0)};

static const struct field since_fields[] = {
	SOURCE_FIELDS,
	FIELD("changes", FIELD_OBJECT, true, struct raw, list, 0, 0),
	FIELD("more", FIELD_FLAG, true, struct raw, reply.of.since.more, 0, 0),
	FIELD("reset", FIELD_FLAG, false, struct raw, reply.of.since.reset, 0, 0),
	CAT_FIELD,
};

static const struct field catalog_fields[] = {SOURCE_FIELDS, CAT_FIELD,
					      FIELD("feats", FIELD_OBJECT, true, struct raw, list, 0, 0),
					      FIELD("tiers", FIELD_OBJECT, true, struct raw, tiers, 0, 0)};

static const struct field page_fields[] = {
	SOURCE_FIELDS,
	CAT_FIELD,
	FIELD("subjects", FIELD_OBJECT, true, struct raw, list, 0, 0),
	FIELD("more", FIELD_FLAG, true, struct raw, reply.of.page.more, 0, 0),
};

static const struct {
	const struct field *fields;
	size_t count;
} tables[] = {
	[TG01_CHECK] = {answer_fields, ARRAY_LEN(answer_fields)},
	[TG01_GET] = {profile_fields, ARRAY_LEN(profile_fields)},
	[TG01_BATCH] = {batch_fields, ARRAY_LEN(batch_fields)},
	[TG01_SINCE] = {since_fields, ARRAY_LEN(since_fields)},
	[TG01_PING] = {pong_fields, ARRAY_LEN(pong_fields)},
	[TG01_CATALOG] = {catalog_fields, ARRAY_LEN(catalog_fields)},
	[TG01_PAGE] = {page_fields, ARRAY_LEN(page_fields)},
};

struct raw_err {
	const msgpack_object *id, *err;
	struct view code, msg;
	bool retry;
};

static const struct field err_fields[] = {
	FIELD("code", FIELD_TEXT, true, struct raw_err, code, 1, TEXT_MAX),
	FIELD("msg", FIELD_TEXT, true, struct raw_err, msg, 0, TG01_ERROR_TEXT_MAX),
	FIELD("retry", FIELD_FLAG, true, struct raw_err, retry, 0, 0),
};

static enum tg01_code parse_code(struct view name) {
	for (int i = 0; i < TG01_CODE_COUNT; i++)
		if (view_eq(name, view_str(tg01_code_name((enum tg01_code)i)))) return (enum tg01_code)i;
	return TG01_INTERNAL;
}

static struct tg01_answer answer_of(const struct raw_answer *a) {
	return (struct tg01_answer){.allowed = a->allowed,
				    .stale = a->stale,
				    .reason = a->reason,
				    .tier = a->tier,
				    .status = a->status,
				    .need = a->need,
				    .until = a->until,
				    .ttl = (unsigned)a->ttl};
}

static enum error read_result(const msgpack_object *o, struct tg01_result *r, struct problem *why) {
	*r = (struct tg01_result){0};
	const msgpack_object *err = fields_find(o, VIEW("err"));
	enum error e;
	if (err) {
		struct raw_err raw = {0};
		e = fields_read(err, err_fields, ARRAY_LEN(err_fields), &raw, why);
		*r = (struct tg01_result){.failed = true,
					  .code = parse_code(raw.code),
					  .code_name = raw.code,
					  .text = raw.msg,
					  .retry = raw.retry};
		return e;
	}
	struct raw_answer raw = {0};
	e = fields_read(o, result_fields, ARRAY_LEN(result_fields), &raw, why);
	r->answer = answer_of(&raw);
	return e;
}

static enum error read_results(struct tg01_decoder *d, const msgpack_object *list, struct tg01_reply *r,
			       struct problem *why) {
	enum error e = tg01_list(list, TG01_BATCH_MAX, "results", why);
	if (e) return e;
	for (unsigned i = 0; i < list->via.array.size; i++) {
		e = read_result(&list->via.array.ptr[i], &d->results[i], why);
		if (e) return tg01_problem_in(why, "results", i, e);
	}
	r->of.batch.results = d->results;
	r->of.batch.count = list->via.array.size;
	return OK;
}

static enum error read_changes(struct tg01_decoder *d, const msgpack_object *list, struct tg01_reply *r,
			       struct problem *why) {
	enum error e = tg01_list(list, TG01_SINCE_MAX, "changes", why);
	if (e) return e;
	for (unsigned i = 0; i < list->via.array.size; i++) {
		e = tg01_change_read(d, &list->via.array.ptr[i], &d->changes[i], why);
		if (e) return tg01_problem_in(why, "changes", i, e);
	}
	r->of.since.changes = d->changes;
	r->of.since.count = list->via.array.size;
	return OK;
}

/* An array of strings into one of views, each by the rules of a field. */
static enum error read_names(const msgpack_object *list, unsigned max, const char *name, struct view *into,
			     struct problem *why) {
	const struct field row = {view_str(name), FIELD_TEXT, true, 0, 1, STRIPE_ID_MAX};
	enum error e = tg01_list(list, max, name, why);
	for (unsigned i = 0; !e && i < list->via.array.size; i++)
		e = field_read(&row, &list->via.array.ptr[i], &into[i], why);
	return e;
}

static enum error read_profile(struct tg01_decoder *d, const struct raw *raw, struct tg01_profile *p,
			       struct problem *why) {
	enum error e = read_names(raw->list, TG01_FEATS_MAX, "feats", d->feats, why);
	if (!e) e = tg01_line_read(d, raw->line, &p->line, why);
	if (!e && raw->customers) e = read_names(raw->customers, TG01_CUSTOMERS_MAX, "customers", d->customers, why);
	if (e) return e;
	p->ttl = (unsigned)raw->ttl;
	p->feats = d->feats;
	p->feat_count = raw->list->via.array.size;
	p->has_customers = raw->customers != NULL;
	p->customers = d->customers;
	p->customer_count = raw->customers ? raw->customers->via.array.size : 0;
	return OK;
}

struct raw_tier {
	struct view name;
	const msgpack_object *feats;
};

static enum error read_tier(const msgpack_object *o, unsigned feat_count, struct catalog_tier *ret_t,
			    struct problem *why) {
	static const struct field fields[] = {FIELD("name", FIELD_TEXT, true, struct raw_tier, name, 1, TEXT_MAX),
					      FIELD("feats", FIELD_OBJECT, true, struct raw_tier, feats, 0, 0)};
	const struct field row = {VIEW_INIT("feats"), FIELD_U64, true, 0, 0, feat_count ? feat_count - 1 : 0};
	struct raw_tier raw = {0};
	enum error e = fields_read(o, fields, ARRAY_LEN(fields), &raw, why);
	if (!e) e = tg01_list(raw.feats, feat_count, "feats", why);
	if (e) return e;
	*ret_t = (struct catalog_tier){.name = raw.name};
	for (unsigned i = 0; i < raw.feats->via.array.size; i++) {
		uint64_t f;
		e = field_read(&row, &raw.feats->via.array.ptr[i], &f, why);
		if (e) return e;
		ret_t->features[f / 64] |= UINT64_C(1) << f % 64;
	}
	return OK;
}

static enum error read_catalog(struct tg01_decoder *d, const struct raw *raw, struct tg01_catalog *c,
			       struct problem *why) {
	enum error e = read_names(raw->list, TG01_FEATS_MAX, "feats", d->feats, why);
	if (!e) e = tg01_list(raw->tiers, TIERS_MAX, "tiers", why);
	if (e) return e;
	*c = (struct tg01_catalog){.feats = d->feats,
				   .feat_count = raw->list->via.array.size,
				   .tiers = d->tiers,
				   .tier_count = raw->tiers->via.array.size};
	if (c->tier_count == 0) return problem_set(why, ERR_MALFORMED, "tiers: empty");
	for (unsigned i = 0; i < c->tier_count; i++) {
		e = read_tier(&raw->tiers->via.array.ptr[i], c->feat_count, &d->tiers[i], why);
		if (e) return tg01_problem_in(why, "tiers", i, e);
	}
	return OK;
}

struct raw_subject {
	struct tg01_subject s;
	const msgpack_object *line;
};

static const struct field subject_fields[] = {
	FIELD("sub", FIELD_TEXT, true, struct raw_subject, s.sub, 1, SUBJECT_MAX),
	FIELD("ver", FIELD_U64, true, struct raw_subject, s.ver, 0, UINT64_MAX),
	FIELD("line", FIELD_OBJECT, false, struct raw_subject, line, 0, 0),
	FIELD("line_until", FIELD_TIME, false, struct raw_subject, s.line.until, 0, 0),
};

static enum error read_page(struct tg01_decoder *d, const msgpack_object *list, struct tg01_reply *r,
			    struct problem *why) {
	enum error e = tg01_list(list, TG01_PAGE_MAX, "subjects", why);
	if (e) return e;
	struct tg01_subject *subjects = tg01_array(d, list->via.array.size, sizeof *subjects);
	if (!subjects) return problem_set(why, ERR_MEMORY, "out of memory");
	for (unsigned i = 0; i < list->via.array.size; i++) {
		struct raw_subject raw = {0};
		e = fields_read(&list->via.array.ptr[i], subject_fields, ARRAY_LEN(subject_fields), &raw, why);
		if (!e) e = tg01_line_read(d, raw.line, &raw.s.line, why);
		if (e) return tg01_problem_in(why, "subjects", i, e);
		subjects[i] = raw.s;
	}
	r->of.page.subjects = subjects;
	r->of.page.count = list->via.array.size;
	return OK;
}

static enum error read_refusal(const msgpack_object *map, struct tg01_reply *ret_r, struct problem *why) {
	static const struct field outer[] = {FIELD("id", FIELD_OBJECT, false, struct raw_err, id, 0, 0),
					     FIELD("err", FIELD_OBJECT, true, struct raw_err, err, 0, 0)};
	struct raw_err raw = {0};
	enum error e = fields_read(map, outer, ARRAY_LEN(outer), &raw, why);
	if (!e) e = fields_read(raw.err, err_fields, ARRAY_LEN(err_fields), &raw, why);
	if (e) return e;
	struct tg01_reply r = {.failed = true,
			       .code = parse_code(raw.code),
			       .code_name = raw.code,
			       .text = raw.msg,
			       .retry = raw.retry};
	if (raw.id && !tg01_id_read(raw.id, &r.id)) return problem_set(why, ERR_MALFORMED, "id: is none");
	*ret_r = r;
	return OK;
}

static enum error read_lists(struct tg01_decoder *d, enum tg01_op op, const struct raw *raw, struct tg01_reply *r,
			     struct problem *why) {
	switch (op) {
	case TG01_CHECK:
		r->of.answer = answer_of(&raw->answer);
		return OK;
	case TG01_GET:
		return read_profile(d, raw, &r->of.profile, why);
	case TG01_BATCH:
		return read_results(d, raw->list, r, why);
	case TG01_SINCE:
		return read_changes(d, raw->list, r, why);
	case TG01_CATALOG:
		return read_catalog(d, raw, &r->of.catalog, why);
	case TG01_PAGE:
		return read_page(d, raw->list, r, why);
	case TG01_PING:
	case TG01_OP_COUNT:
		break;
	}
	return OK;
}

enum error tg01_reply_read(struct tg01_decoder *d, enum tg01_op op, struct view message, struct tg01_reply *ret_r,
			   struct problem *why) {
	if ((unsigned)op >= TG01_OP_COUNT) return problem_set(why, ERR_INTERNAL, "no such op");
	msgpack_object map;
	enum error e = tg01_unpack_reply(d, message, &map, why);
	if (e) return e;
	if (fields_find(&map, VIEW("err"))) return read_refusal(&map, ret_r, why);
	struct raw raw = {0};
	if (op == TG01_PING) raw.reply.of.pong.lag_ms = -1;
	e = fields_read(&map, tables[op].fields, tables[op].count, &raw, why);
	if (e) return e;
	if (!tg01_id_read(raw.id, &raw.reply.id)) return problem_set(why, ERR_MALFORMED, "id: is none");
	e = read_lists(d, op, &raw, &raw.reply, why);
	if (e) return e;
	*ret_r = raw.reply;
	return OK;
}
