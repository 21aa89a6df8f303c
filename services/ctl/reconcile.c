/* tiergate reconcile: a pass of the reconciler now, and each difference before it changes anything. */
#include "ask_reconciler.h"
#include "value.h"

#include <stdio.h>

#define FOUND_MAX 100000u /* differences in the JSON; further ones only count */

static const struct setting rows[] = {
	{"DRY_RUN", SETTING_BOOL, AT(dry_run), .flag_only = true, .help = "say what would change, and change nothing"},
	{"FULL", SETTING_BOOL, AT(full), .flag_only = true,
	 .help = "append every object, whether it differs or not: for a store that is made anew from Stripe"},
	{"WAIT", SETTING_DURATION, AT(wait_ms), .flag_only = true, .fallback = "1h", .min = 1000,
	 .help = "how long to wait until the pass is over; it goes on without this command"},
	ROW_RECONCILER,
	ROW_CURVE_DIR,
	ROW_TIMEOUT,
	ROW_JSON,
};

static const struct settings_table table = {
	.program = "tiergate reconcile",
	.purpose = "Compares all of Stripe with the journal and the store now, and appends what is missing.",
	.notes = "Each difference is printed before it is appended. Exits with 0 when nothing is left to be done;\n"
		 "with 1 when --dry-run found something, or something could not be read.",
	.exit_1 = "1 something is left to be done",
	.rows = rows,
	.count = ARRAY_LEN(rows),
};

struct asking {
	const struct call *call;
	json_t *found;
};

/* ---- what is found ------------------------------------------------------------------------ */

static json_t *found_json(const struct reconcile_found *f) {
	json_t *o = json_object();
	json_object_set_new(o, "kind", json_string(f->event ? "event" : "object"));
	json_object_set_new(o, "mode", json_string(f->scope.livemode ? "live" : "test"));
	if (f->scope.account.len) json_object_set_new(o, "account", text_json(f->scope.account));
	json_object_set_new(o, "object", text_json(f->object));
	json_object_set_new(o, "id", text_json(f->id));
	json_object_set_new(o, "store", text_json(f->store));
	json_object_set_new(o, "stripe", text_json(f->stripe));
	if (f->subject.len) json_object_set_new(o, "subject", text_json(f->subject));
	if (f->before.len) json_object_set_new(o, "before", text_json(f->before));
	if (f->after.len) json_object_set_new(o, "after", text_json(f->after));
	return o;
}

static void print_found(const json_t *o) {
	const char *subject = member_text(o, "subject"), *before = member_text(o, "before"),
		   *after = member_text(o, "after"), *account = member_text(o, "account");
	(void)printf("%s %s%s%s\n  store   %s\n  Stripe  %s\n", member_text(o, "object"), member_text(o, "id"),
		     *account ? " of " : "", account, member_text(o, "store"), member_text(o, "stripe"));
	if (*subject && *after && strcmp(before, after) != 0)
		(void)printf("  %s: %s becomes %s\n", subject, before, after);
	else if (*subject && *after)
		(void)printf("  %s: %s, as before\n", subject, before);
	else if (*subject)
		(void)printf("  %s: %s now\n", subject, before);
	(void)fflush(stdout);
}

static void note(void *ctx, const struct reconcile_found *f) {
	struct asking *a = ctx;
	json_t *o = found_json(f);
	call_show(a->call, o, print_found);
	if (a->call->s.json && json_array_size(a->found) < FOUND_MAX) json_array_append(a->found, o);
	json_decref(o);
}

/* ---- the summary ------------------------------------------------------------------------------- */

static json_t *done_json(const struct reconcile_done *d, json_t *found) {
	json_t *o = json_object();
	json_object_set_new(o, "dry", json_boolean(d->dry));
	json_object_set_new(o, "found", found);
	json_object_set_new(o, "listed", u64_json(d->listed));
	json_object_set_new(o, "missed", u64_json(d->missed));
	json_object_set_new(o, "swept", u64_json(d->swept));
	json_object_set_new(o, "differing", u64_json(d->differing));
	json_object_set_new(o, "appended", u64_json(d->appended));
	json_object_set_new(o, "unread", u64_json(d->unread));
	json_object_set_new(o, "requests", u64_json(d->requests));
	json_object_set_new(o, "took_ms", u64_json(d->took_ms));
	return o;
}

static void print_done(const json_t *o) {
	(void)printf("%" JSON_INTEGER_FORMAT " events listed, %" JSON_INTEGER_FORMAT
		     " were missing; %" JSON_INTEGER_FORMAT " objects compared, %" JSON_INTEGER_FORMAT " differed\n",
		     member_number(o, "listed"), member_number(o, "missed"), member_number(o, "swept"),
		     member_number(o, "differing"));
	if (member_number(o, "unread"))
		(void)printf("%" JSON_INTEGER_FORMAT " could not be read: the reconciler's log names them\n",
			     member_number(o, "unread"));
	if (member_true(o, "dry"))
		(void)printf("nothing was appended");
	else
		(void)printf("%" JSON_INTEGER_FORMAT " records appended", member_number(o, "appended"));
	(void)printf(", with %" JSON_INTEGER_FORMAT " requests in %.1f s\n", member_number(o, "requests"),
		     (double)member_number(o, "took_ms") / 1000);
}

static int run(const struct call *c) {
	struct problem why = {0};
	struct asking a = {.call = c, .found = json_array()};
	struct reconcile_done done = {0};
	const struct pass_wish wish = {.dry = c->s.dry_run, .full = c->s.full, .found = note, .ctx = &a};
	enum error e = reconciler_pass(c, &wish, &done, &why);
	if (e) {
		json_decref(a.found);
		return call_failed(c, e, &why);
	}
	bool left = done.unread || (done.dry && (done.missed || done.differing));
	return call_done(c, done_json(&done, a.found), print_done, left ? 1 : 0);
}

const struct verb verb_reconcile = {"reconcile", "compares Stripe with the store now, and appends what is missing",
				    &table, run};
