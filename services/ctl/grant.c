/* tiergate grant SUBJECT TIER */
#include "base/show.h"
#include "base/utf8.h"
#include "moment.h"
#include "override.h"
#include "service/random.h"
#include "value.h"

#include <inttypes.h>
#include <stdio.h>

static const struct setting rows[] = {
	{"UNTIL", SETTING_STRING, AT(until), .flag_only = true,
	 .help = "when it ends: 2026-11-22T10:45:18Z, unix seconds, or from now on: 30d; not given: when it is "
		 "revoked"},
	ROWS_OVERRIDE,
};

static const struct settings_table table = {
	.program = "tiergate grant",
	.purpose = "Gives a subject a tier by hand, whatever it pays for: a gift, or support.",
	.arguments = "SUBJECT TIER",
	.arguments_min = 2,
	.arguments_max = 2,
	.notes = "It counts when it gives more than any subscription does. Recorded in the journal before this says "
		 "so; exits\n"
		 "with 69 when the worker has not applied it in time. `tiergate revoke` ends it.",
	.rows = rows,
	.count = ARRAY_LEN(rows),
};

static enum error check_tier(const struct catalog *catalog, const char *name, struct problem *why) {
	char known[160];
	struct writer w = writer_of(known, sizeof known - 1);
	if (catalog_tier(catalog, view_str(name)) >= 0) return OK;
	for (unsigned i = 0; i < catalog->tier_count; i++) {
		if (i > 0) write_bytes(&w, VIEW(", "));
		write_bytes(&w, catalog->tiers[i].name);
	}
	return problem_set(why, ERR_USAGE, "the catalog has no tier '%s'; it has %.*s", show_str(name).text,
			   VIEW_FMT(w.failed ? VIEW("others") : writer_view(&w)));
}

/* A customer that belongs to somebody is not a subject of its own: who meant its owner says so. */
static enum error check_subject(struct override_call *o, const char *name, struct problem *why) {
	struct view subject = view_str(name);
	struct customer_register r;
	if (subject.len == 0 || subject.len > SUBJECT_MAX || !utf8_valid(subject))
		return problem_set(why, ERR_USAGE, "a subject has 1 to %d bytes of UTF-8", SUBJECT_MAX);
	(void)snprintf(o->subject, sizeof o->subject, "%s", name);
	if (!view_starts(subject, VIEW("cus_")) || look_customer(o->store.look, &o->scope, subject, &r) != OK)
		return OK;
	struct view owner = customer_register_subject(&r, subject);
	if (view_eq(owner, subject)) return OK;
	return problem_set(why, ERR_USAGE, "%s belongs to '%s': grant it to that subject", show_str(name).text,
			   show(owner).text);
}

static enum error grant(struct override_call *o, char *id, size_t size, struct problem *why) {
	const struct call *c = o->call;
	const char *tier = settings_argument(c->settings, 1);
	struct override_observation said = {.tier = view_str(tier), .why = view_str(c->s.why), .by = view_str(o->by)};
	uint64_t number = 0;
	enum error e = check_tier(catalog_file_get(o->catalog), tier, why);
	if (!e) e = check_subject(o, call_argument(c), why);
	if (!e && c->s.until) e = moment_read_end("--until", c->s.until, o->now, &said.until, why);
	if (!e && c->s.until && said.until <= o->now)
		e = problem_set(why, ERR_USAGE,
				"--until: is over already; from now on is written with a unit, as in 30d");
	if (!e) e = random_u64(&number, why);
	if (e) return e;
	(void)snprintf(id, size, "ovr_%016" PRIx64, number);
	said.id = view_str(id);
	said.subject = view_str(o->subject);
	return override_append(o, &said, why);
}

static void print(const json_t *o) {
	(void)printf("%s: granted %s to %s", member_text(o, "id"), member_text(o, "granted_tier"),
		     member_text(o, "sub"));
	if (member_number(o, "granted_until"))
		(void)printf(" until %s", when_s(member_number(o, "granted_until"), "").text);
	(void)printf("\n");
	override_print_answer(o);
}

static int run(const struct call *c) {
	struct problem why = {0};
	struct override_call o;
	char id[32];
	int64_t until = 0;
	enum error e = override_call_open(c, &o, &why);
	if (!e) e = grant(&o, id, sizeof id, &why);
	if (e) {
		override_call_close(&o);
		return call_failed(c, e, &why);
	}
	json_t *result = json_pack("{s:s, s:o}", "id", id, "granted_tier",
				   text_json(view_str(settings_argument(c->settings, 1))));
	if (c->s.until && moment_read_end("--until", c->s.until, o.now, &until, NULL) == OK)
		json_object_set_new(result, "granted_until", time_json(until));
	int code = override_add_answer(&o, override_wait(&o), result);
	override_call_close(&o);
	return call_done(c, result, print, code);
}

const struct verb verb_grant = {"grant", "gives a subject a tier by hand, for a time or until revoked", &table, run};
