#include "serve.h"

void serve_error(struct server *s, const struct tg01_id *id, enum tg01_code code, const char *text, struct writer *w) {
	s->errors[code]++;
	tg01_error_write(w, id, code, view_str(text));
}

void serve_overloaded(struct server *s, struct view message, struct writer *w) {
	struct tg01_id id;
	tg01_request_id(s->decoder, message, &id);
	serve_error(s, &id, TG01_OVERLOADED, "more requests wait than can be served soon", w);
}

static struct tg01_source source_of(const struct store_link *l) {
	return (struct tg01_source){.epoch = l->epoch, .ver = l->ver, .as_of = l->as_of};
}

/* For replies that say which catalog is behind them. */
static struct tg01_source source_with_cat(const struct server *s) {
	struct tg01_source source = source_of(s->link);
	source.cat = s->catalog->hash;
	return source;
}

/* Ready to make lines from this moment on. */
static struct line_maker *lines_from(struct server *s, int64_t now) {
	s->lines.look = s->link->look;
	s->lines.catalog = s->catalog;
	s->lines.now = now;
	return &s->lines;
}

/* An entitlement, and which moment and version it is of. */
struct found {
	struct entitlement e;
	int64_t at;
	bool past;
	uint64_t ver;
};

static bool find_past(struct server *s, const struct scope *scope, struct view sub, struct found *f,
		      struct answer_failure *ret_why) {
	struct change then;
	int64_t from_ms = 0;
	/* the whole second that is asked about: what changed in it counts */
	enum error e = look_answer_at(s->link->look, scope, sub, f->at * 1000 + 999, &then, &from_ms);
	if (!e) e = look_answer_unlogged(s->link->look, scope, sub, s->catalog, f->at, &then);
	f->ver = 0;
	if (!e) {
		f->ver = then.ver;
		return answer_past(s->catalog, &then, &f->e, ret_why);
	}
	if (e == ERR_NOT_FOUND && subject_row_entitlement(VIEW_NONE, s->catalog, f->at, &f->e) == OK) return true;
	*ret_why = e == ERR_LIMIT ? answer_no_log(f->at, from_ms)
				  : (struct answer_failure){TG01_INTERNAL, "the store cannot be read"};
	return false;
}

/* The subject's entitlement at the moment that is asked about. */
static bool find(struct server *s, const struct tg01_question *q, int64_t now, struct found *f,
		 struct answer_failure *ret_why) {
	if (q->min_ver > s->link->ver) {
		*ret_why = (struct answer_failure){TG01_BEHIND, "the store is not at min_ver yet"};
		return false;
	}
	const struct scope scope = {.livemode = s->livemode, .account = q->acct};
	f->at = answer_moment(q, now, &f->past);
	f->ver = s->link->ver;
	if (f->past) return find_past(s, &scope, q->sub, f, ret_why);
	struct view row = VIEW_NONE;
	enum error e = look_subject(s->link->look, &scope, q->sub, &row);
	if (!e || e == ERR_NOT_FOUND) e = subject_row_entitlement(row, s->catalog, f->at, &f->e);
	if (!e) return true;
	*ret_why = (struct answer_failure){TG01_INTERNAL, "the store cannot be read"};
	return false;
}

static bool decide(struct server *s, const struct tg01_question *q, int64_t now, struct tg01_answer *ret_a,
		   uint64_t *ret_ver, struct answer_failure *ret_why) {
	struct requirement needed;
	struct found f;
	struct memo_place *place;
	const struct tg01_answer *known = memo_find(s->memo, q, &place);
	if (known) {
		*ret_a = *known;
		*ret_ver = s->link->ver;
		return true;
	}
	if (!answer_requirement(s->catalog, q, &needed, ret_why) || !find(s, q, now, &f, ret_why)) return false;
	*ret_a = answer_check(&f.e, needed, now, f.at);
	memo_keep(s->memo, place, q, ret_a);
	*ret_ver = f.ver;
	return true;
}

/* What is remembered holds for this snapshot, second and catalog. */
static void remember(struct server *s, int64_t now) {
	const struct memo_stamp stamp = {
		.opened = s->link->opened, .snapshot = look_snapshot(s->link->look), .catalog = s->catalog, .now = now};
	memo_set(s->memo, &stamp);
}

static void serve_check(struct server *s, const struct tg01_request *r, int64_t now, struct writer *w) {
	struct tg01_answer a;
	struct answer_failure why;
	struct tg01_source source = source_of(s->link);
	remember(s, now);
	if (!decide(s, &r->ask, now, &a, &source.ver, &why)) {
		serve_error(s, &r->id, why.code, why.text, w);
		return;
	}
	tg01_answer_write(w, &r->id, &source, &a);
}

static enum error add_customers(struct server *s, const struct scope *scope, struct view sub, struct view *into,
				struct tg01_profile *p) {
	struct bound_customer bound[TG01_CUSTOMERS_MAX];
	unsigned n = 0;
	enum error e = look_bound_customers(s->link->look, scope, sub, bound, TG01_CUSTOMERS_MAX, &n);
	for (unsigned i = 0; i < n; i++) into[i] = bound[i].id;
	p->has_customers = true;
	p->customers = into;
	p->customer_count = n;
	return e;
}

static void serve_get(struct server *s, const struct tg01_request *r, int64_t now, struct writer *w) {
	struct found f;
	struct answer_failure why;
	if (!find(s, &r->ask, now, &f, &why)) {
		serve_error(s, &r->id, why.code, why.text, w);
		return;
	}
	struct view feats[FEATURES_MAX], customers[TG01_CUSTOMERS_MAX];
	const struct scope scope = {.livemode = s->livemode, .account = r->ask.acct};
	struct tg01_source source = source_with_cat(s);
	source.ver = f.ver;
	struct tg01_profile p = answer_get(&f.e, feats, now, f.at);
	if (r->with & TG01_WITH_LINE && !f.past) p.line = line_of_subject(lines_from(s, f.at), &scope, r->ask.sub);
	if (r->with & TG01_WITH_CUSTOMERS && add_customers(s, &scope, r->ask.sub, customers, &p)) {
		serve_error(s, &r->id, TG01_INTERNAL, "the store cannot be read", w);
		return;
	}
	tg01_profile_write(w, &r->id, &source, &p);
}

static void serve_batch(struct server *s, const struct tg01_request *r, int64_t now, struct writer *w) {
	const struct tg01_source source = source_of(s->link);
	remember(s, now);
	tg01_batch_begin(w, &r->id, &source, r->check_count);
	for (unsigned i = 0; i < r->check_count; i++) {
		struct tg01_answer a;
		struct answer_failure why;
		uint64_t ver; /* the reply has one for all of them */
		if (decide(s, &r->checks[i], now, &a, &ver, &why)) {
			tg01_batch_answer(w, &a);
		} else {
			s->errors[why.code]++;
			tg01_batch_error(w, why.code, view_str(why.text));
		}
	}
}

struct since_walk {
	struct writer *w;
	struct line_maker *lines;
	struct tg01_since since;
	bool livemode;
	unsigned max;
	uint64_t last; /* the version up to which everything is handed out, or of the other mode */
	bool full;
	size_t seen;
};

static bool take_change(void *ctx, const struct change *c) {
	struct since_walk *k = ctx;
	k->seen++;
	if (c->scope.livemode == k->livemode) {
		struct tg01_change out = answer_change(c);
		if (k->since.count < k->max) out.line = line_of_subject(k->lines, &c->scope, c->subject);
		if (k->since.count >= k->max || !tg01_since_change(k->w, &k->since, &out)) {
			k->full = true;
			return false;
		}
	}
	k->last = c->ver;
	return true;
}

static void serve_since(struct server *s, const struct tg01_request *r, int64_t now, struct writer *w) {
	struct tg01_source source = source_with_cat(s);
	bool reset = r->epoch != 0 && r->epoch != s->link->epoch;
	if (!reset && r->ver > s->link->ver) {
		serve_error(s, &r->id, TG01_BEHIND, "the store is not at ver yet", w);
		return;
	}
	const struct writer before = *w;
	struct since_walk k = {
		.w = w, .lines = lines_from(s, now), .livemode = s->livemode, .max = r->max, .last = r->ver};
	tg01_since_begin(w, &r->id, &k.since);
	enum error e = reset ? OK : look_changes(s->link->look, r->ver, SINCE_SCAN_MAX, take_change, &k);
	if (e) {
		*w = before;
		serve_error(s, &r->id, TG01_INTERNAL, "the store cannot be read", w);
		return;
	}
	bool more = k.full || k.seen == SINCE_SCAN_MAX;
	if (more) source.ver = k.last;
	tg01_since_end(w, &k.since, &source, more, reset);
}

struct page_walk {
	struct writer *w;
	struct line_maker *lines;
	struct tg01_page page;
	unsigned max;
	uint64_t ver;
	bool more;
};

static bool take_subject(void *ctx, struct view subject, struct view row) {
	struct page_walk *k = ctx;
	if (k->page.count < k->max) {
		const struct tg01_subject s = {subject, k->ver, line_of_row(k->lines, row)};
		if (tg01_page_subject(k->w, &k->page, &s)) return true;
	}
	k->more = true;
	return false;
}

static void serve_page(struct server *s, const struct tg01_request *r, int64_t now, struct writer *w) {
	const struct tg01_source source = source_with_cat(s);
	const struct scope scope = {.livemode = s->livemode, .account = r->ask.acct};
	const struct writer before = *w;
	struct page_walk k = {.w = w, .lines = lines_from(s, now), .max = r->max, .ver = source.ver};
	tg01_page_begin(w, &r->id, &k.page);
	if (look_subjects_after(s->link->look, &scope, r->after, take_subject, &k)) {
		*w = before;
		serve_error(s, &r->id, TG01_INTERNAL, "the store cannot be read", w);
		return;
	}
	tg01_page_end(w, &k.page, &source, k.more);
}

static void serve_catalog(const struct server *s, const struct tg01_request *r, struct writer *w) {
	const struct tg01_source source = source_with_cat(s);
	const struct catalog *c = s->catalog;
	const struct tg01_catalog out = {c->features, c->feature_count, c->tiers, c->tier_count};
	tg01_catalog_write(w, &r->id, &source, &out);
}

static void serve_ping(const struct server *s, const struct tg01_request *r, struct moment now, struct writer *w) {
	const struct tg01_source source = source_with_cat(s);
	int64_t lag = source.as_of ? now.wall_ms - source.as_of : -1;
	const struct tg01_pong p = {.ready = link_ready(s->link),
				    .proto = VIEW(TG01_VERSION),
				    .build = VIEW(TIERGATE_VERSION),
				    .lag_ms = source.as_of && lag < 0 ? 0 : lag,
				    .uptime_s = (uint64_t)(now.mono_ms - s->started_mono_ms) / 1000};
	tg01_pong_write(w, &r->id, &source, &p);
}

/* A key's connection outlives the key: it is asked again with each request. */
static bool may(unsigned rights, enum tg01_op op) {
	switch ((int)op) {
	case TG01_SINCE:
	case TG01_PAGE:
		return rights & CURVE_FEED;
	case TG01_CATALOG:
	case TG01_PING:
		return rights & (CURVE_FEED | CURVE_CHECK);
	default:
		return rights & CURVE_CHECK;
	}
}

/* What is no answer about anybody is given in any case. */
static bool needs_store(enum tg01_op op) { return op != TG01_PING && op != TG01_CATALOG; }

void serve(struct server *s, struct view version, struct view message, unsigned rights, struct moment now,
	   struct writer *w) {
	static const struct tg01_id nobody = {.kind = TG01_ID_NONE};
	if (!view_eq(version, VIEW(TG01_VERSION))) {
		serve_error(s, &nobody, TG01_UNSUPPORTED_VERSION, "the frame before the message must be " TG01_VERSION,
			    w);
		return;
	}
	struct tg01_request r;
	struct tg01_failure why;
	if (!tg01_request_read(s->decoder, message, &r, &why)) {
		serve_error(s, &why.id, why.code, why.text, w);
		return;
	}
	s->requests[r.op]++;
	if (!may(rights, r.op)) {
		serve_error(s, &r.id, TG01_FORBIDDEN, "the sender's key is not allowed to ask this", w);
		return;
	}
	/* a snapshot for each request costs little, and what a client has seen happen before it asked is in it */
	bool open = link_renew(s->link);
	if (needs_store(r.op) && (!open || !link_ready(s->link))) {
		serve_error(s, &r.id, TG01_NOT_READY, problem_text(&s->link->why), w);
		return;
	}
	switch (r.op) {
	case TG01_CHECK:
		serve_check(s, &r, now.wall_ms / 1000, w);
		break;
	case TG01_GET:
		serve_get(s, &r, now.wall_ms / 1000, w);
		break;
	case TG01_BATCH:
		serve_batch(s, &r, now.wall_ms / 1000, w);
		break;
	case TG01_SINCE:
		serve_since(s, &r, now.wall_ms / 1000, w);
		break;
	case TG01_PING:
		serve_ping(s, &r, now, w);
		break;
	case TG01_CATALOG:
		serve_catalog(s, &r, w);
		break;
	case TG01_PAGE:
		serve_page(s, &r, now.wall_ms / 1000, w);
		break;
	case TG01_OP_COUNT:
		break;
	}
}
