/* tiergate revoke SUBJECT|ovr_… */
#include "base/show.h"
#include "override.h"
#include "value.h"

#include <stdio.h>

#define REVOKE_MAX 64 /* overrides in one call */

static const struct setting rows[] = {ROWS_OVERRIDE};

static const struct settings_table table = {
	.program = "tiergate revoke",
	.purpose = "Ends what was granted by hand: one override, or all of a subject's that stand.",
	.arguments = "SUBJECT|ovr_…",
	.arguments_min = 1,
	.arguments_max = 1,
	.notes = "Exits with 0 when something was revoked, with 1 when there was nothing to revoke, and with 69 when "
		 "the\n"
		 "worker has not applied it in time. A revocation is for good; what is paid for is not touched.",
	.exit_1 = "1 nothing to revoke",
	.rows = rows,
	.count = ARRAY_LEN(rows),
};

struct id_text {
	char text[STRIPE_ID_MAX + 1];
};

/* What is to be revoked, copied: the store moves on while it is done. */
struct victims {
	struct override_call *o;
	unsigned count;
	struct id_text ids[REVOKE_MAX];
	char names[REVOKE_MAX][SUBJECT_MAX + 1]; /* as they were granted: perhaps a customer's */
};

static bool add(void *ctx, struct view id, const struct override_register *r) {
	struct victims *v = ctx;
	enum override_state state = override_state(r, v->o->now);
	if (state != OVERRIDE_STANDING && state != OVERRIDE_TO_COME) return true;
	for (unsigned i = 0; i < v->count; i++)
		if (view_eq(id, view_str(v->ids[i].text))) return true;
	if (v->count == REVOKE_MAX) return false;
	(void)snprintf(v->ids[v->count].text, sizeof v->ids[0].text, "%.*s", VIEW_FMT(id));
	(void)snprintf(v->names[v->count], sizeof v->names[0], "%.*s", VIEW_FMT(r->given.subject));
	v->count++;
	return true;
}

static bool add_customers(void *ctx, struct view customer) {
	struct victims *v = ctx;
	return look_overrides(v->o->store.look, &v->o->scope, customer, add, v) == OK;
}

static void set_subject(struct override_call *o, struct view subject) {
	struct customer_register r;
	if (view_starts(subject, VIEW("cus_")) && look_customer(o->store.look, &o->scope, subject, &r) == OK)
		subject = customer_register_subject(&r, subject);
	(void)snprintf(o->subject, sizeof o->subject, "%.*s", VIEW_FMT(subject));
}

static enum error find_one(struct victims *v, struct view id, struct problem *why) {
	struct override_register r;
	enum error e = look_override(v->o->store.look, &v->o->scope, id, &r);
	if (e == ERR_NOT_FOUND)
		return problem_set(why, e, "there is no override %s in %s mode", show(id).text,
				   v->o->scope.livemode ? "live" : "test");
	if (e) return problem_set(why, e, "cannot read the store: %s", error_text(e));
	set_subject(v->o, r.granted ? r.given.subject : r.subject);
	(void)add(v, id, &r);
	return OK;
}

static enum error find(struct victims *v, struct problem *why) {
	struct override_call *o = v->o;
	struct view name = view_str(call_argument(o->call));
	if (name.len == 0 || name.len > SUBJECT_MAX)
		return problem_set(why, ERR_USAGE, "a subject has 1 to %d bytes", SUBJECT_MAX);
	if (view_starts(name, VIEW("ovr_"))) return find_one(v, name, why);
	set_subject(o, name);
	struct view subject = view_str(o->subject);
	enum error e = look_overrides(o->store.look, &o->scope, subject, add, v);
	if (!e) e = look_customers_of(o->store.look, &o->scope, subject, add_customers, v);
	return e ? problem_set(why, e, "cannot read the store: %s", error_text(e)) : OK;
}

static enum error revoke(struct victims *v, json_t *revoked, struct problem *why) {
	enum error e = OK;
	for (unsigned i = 0; i < v->count && !e; i++) {
		const struct override_observation said = {.id = view_str(v->ids[i].text),
							  .subject = view_str(v->names[i]),
							  .revoked = true,
							  .why = view_str(v->o->call->s.why),
							  .by = view_str(v->o->by)};
		e = override_append(v->o, &said, why);
		if (!e) json_array_append_new(revoked, json_string(v->ids[i].text));
	}
	return e;
}

static void print(const json_t *o) {
	const json_t *revoked = json_object_get(o, "revoked");
	for (size_t i = 0; i < json_array_size(revoked); i++)
		(void)printf("%s: revoked\n", json_string_value(json_array_get(revoked, i)));
	if (json_array_size(revoked) == 0)
		(void)printf("nothing to revoke: no override of %s stands\n", member_text(o, "sub"));
	if (json_array_size(revoked) > 0) override_print_answer(o);
}

static int run(const struct call *c) {
	struct problem why = {0};
	struct override_call o;
	struct victims v = {.o = &o};
	json_t *result = json_object(), *revoked = json_array();
	json_object_set_new(result, "revoked", revoked);
	enum error e = override_call_open(c, &o, &why);
	if (!e) e = find(&v, &why);
	if (!e) e = revoke(&v, revoked, &why);
	int code = 1;
	if (!e && v.count > 0) code = override_add_answer(&o, override_wait(&o), result);
	if (!e && v.count == 0) json_object_set_new(result, "sub", text_json(view_str(o.subject)));
	override_call_close(&o);
	if (!e) return call_done(c, result, print, code);
	json_decref(result);
	return call_failed(c, e, &why);
}

const struct verb verb_revoke = {"revoke", "ends what was granted by hand", &table, run};
