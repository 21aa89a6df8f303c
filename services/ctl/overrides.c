/* tiergate overrides [SUBJECT] */
#include "override.h"
#include "service/clock.h"
#include "value.h"

static const struct setting rows[] = {ROW_MODE, ROW_ACCOUNT, ROW_STORE_DIR, ROW_JSON};

static const struct settings_table table = {
	.program = "tiergate overrides",
	.purpose = "Lists what was granted by hand: to a subject, or to anybody; also what is over or revoked.",
	.arguments = "[SUBJECT]",
	.arguments_max = 1,
	.notes = "Without --mode: those of both modes.",
	.rows = rows,
	.count = ARRAY_LEN(rows),
};

struct list {
	struct look *look;
	struct scope scope;
	int64_t now;
	json_t *found;
};

static bool add(void *ctx, struct view id, const struct override_register *r) {
	struct list *l = ctx;
	return json_array_append_new(l->found, override_json(id, r, l->scope.livemode, l->now)) == 0;
}

static bool add_customers(void *ctx, struct view customer) {
	struct list *l = ctx;
	return look_overrides(l->look, &l->scope, customer, add, l) == OK;
}

static enum error collect(struct list *l, struct view subject) {
	struct customer_register r;
	if (view_starts(subject, VIEW("cus_")) && look_customer(l->look, &l->scope, subject, &r) == OK)
		subject = customer_register_subject(&r, subject);
	enum error e = look_overrides(l->look, &l->scope, subject, add, l);
	if (!e && subject.len) e = look_customers_of(l->look, &l->scope, subject, add_customers, l);
	return e;
}

static void print(const json_t *o) {
	const json_t *found = json_object_get(o, "overrides");
	for (size_t i = 0; i < json_array_size(found); i++) override_print(json_array_get(found, i));
	if (json_array_size(found) == 0) (void)printf("there are none\n");
}

static int run(const struct call *c) {
	struct problem why = {0};
	struct store_view v;
	json_t *found = json_array();
	struct view subject = call_argument(c) ? view_str(call_argument(c)) : VIEW_NONE;
	enum error e = store_view_open(c, &v, &why);
	for (unsigned mode = 0; mode < 2 && !e; mode++) {
		if (c->s.mode != MODE_EITHER && c->s.mode != mode) continue;
		struct list l = {v.look, {.livemode = mode == 0, .account = view_str(c->s.account)}, wall_s(), found};
		e = collect(&l, subject);
	}
	store_view_close(&v);
	if (!e) return call_done(c, json_pack("{s:o}", "overrides", found), print, 0);
	json_decref(found);
	return call_failed(c, e, &why);
}

const struct verb verb_overrides = {"overrides", "what was granted by hand", &table, run};
