#include "override.h"

#include "base/utf8.h"
#include "proto/fact.h"
#include "service/clock.h"
#include "value.h"

#include <errno.h>
#include <poll.h>
#include <pwd.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#define LOOK_EVERY_MS 10

/* Text of the operator's, which others will read: one line. */
static enum error check_text(const char *flag, const char *text, size_t max, struct problem *why) {
	struct view v = view_str(text);
	if (v.len > max) return problem_set(why, ERR_USAGE, "%s: over %zu bytes", flag, max);
	if (!utf8_valid(v)) return problem_set(why, ERR_USAGE, "%s: is not UTF-8", flag);
	for (size_t i = 0; i < v.len; i++)
		if ((unsigned char)v.ptr[i] < 0x20 || v.ptr[i] == 0x7f)
			return problem_set(why, ERR_USAGE, "%s: has a control character", flag);
	return OK;
}

static const char *login_name(void) {
	const struct passwd *p = getpwuid(getuid());
	return p && p->pw_name && strlen(p->pw_name) <= OVERRIDE_BY_MAX ? p->pw_name : "";
}

static enum error check_flags(const struct call *c, struct override_call *o, struct problem *why) {
	o->by = c->s.by ? c->s.by : login_name();
	if (c->s.why[0] == '\0') return problem_set(why, ERR_USAGE, "--why: is empty");
	enum error e = check_text("--why", c->s.why, OVERRIDE_WHY_MAX, why);
	if (!e) e = check_text("--by", o->by, OVERRIDE_BY_MAX, why);
	if (!e && o->scope.account.len > ACCOUNT_MAX)
		e = problem_set(why, ERR_USAGE, "--account: over %d bytes", ACCOUNT_MAX);
	return e;
}

enum error override_call_open(const struct call *c, struct override_call *ret_o, struct problem *why) {
	struct override_call *o = ret_o;
	*o = (struct override_call){.call = c, .now = wall_s()};
	o->scope = (struct scope){.livemode = c->s.mode == 0, .account = view_str(c->s.account)};
	enum error e = check_flags(c, o, why);
	if (!e) e = catalog_file_load(c->s.catalog, &o->catalog, why);
	if (e == ERR_NOT_FOUND)
		e = problem_set(why, ERR_CONFIG, "there is no catalog at %.100s (%s)", c->s.catalog,
				settings_origin(c->settings, "CATALOG"));
	if (!e) e = store_view_open(c, &o->store, why);
	if (!e) e = journal_asker_open(c, &o->journal, why);
	return e;
}

void override_call_close(struct override_call *o) {
	journal_asker_close(&o->journal);
	store_view_close(&o->store);
	catalog_file_destroy(&o->catalog);
}

/* A pause of the poll; a moved clock does not matter to it. */
static void pause_ms(int ms) { (void)poll(NULL, 0, ms); }

enum error override_append(struct override_call *o, const struct override_observation *said, struct problem *why) {
	char id[STRIPE_ID_MAX + 3];
	struct stream_reply reply;
	char *body = fact_override_write(said);
	if (!body) return problem_set(why, ERR_LIMIT, "a part of it is over its limit");
	(void)snprintf(id, sizeof id, "%.*s_%c", VIEW_FMT(said->id), said->revoked ? 'r' : 'g');
	const struct stream_request r = {.op = STREAM_APPEND,
					 .id = 1,
					 .record = {.kind = RECORD_OVERRIDE,
						    .livemode = o->scope.livemode,
						    .account = o->scope.account,
						    .id = view_str(id),
						    .type = VIEW(FACT_OVERRIDE),
						    .created = o->now,
						    .body = view_str(body)}};
	enum error e = journal_ask(&o->journal, &r, &reply, why);
	free(body);
	if (e) return e;
	o->origin = reply.origin;
	o->seq = reply.seq;
	return OK;
}

bool override_wait(struct override_call *o) {
	int64_t deadline = mono_ms() + o->call->s.timeout_ms;
	for (;;) {
		uint64_t cursor = 0;
		if (look_renew(o->store.look) == OK && look_cursor(o->store.look, o->origin, &cursor) == OK &&
		    cursor >= o->seq)
			return true;
		look_rest(o->store.look);
		if (mono_ms() >= deadline) return false;
		pause_ms(LOOK_EVERY_MS);
	}
}

int override_add_answer(struct override_call *o, bool applied, json_t *result) {
	const struct catalog *catalog = catalog_file_get(o->catalog);
	struct view row = VIEW_NONE;
	struct entitlement e;
	json_object_set_new(result, "applied", json_boolean(applied));
	json_object_set_new(result, "sub", text_json(view_str(o->subject)));
	json_object_set_new(result, "mode", json_string(o->scope.livemode ? "live" : "test"));
	json_object_set_new(result, "seq", u64_json(o->seq));
	if (!applied) return error_exit_code(ERR_UNAVAILABLE);
	enum error bad = look_subject(o->store.look, &o->scope, view_str(o->subject), &row);
	if (bad && bad != ERR_NOT_FOUND) return error_exit_code(ERR_UNAVAILABLE);
	if (subject_row_entitlement(row, catalog, wall_s(), &e) != OK) return error_exit_code(ERR_MALFORMED);
	json_object_set_new(result, "tier", text_json(catalog->tiers[e.tier].name));
	json_object_set_new(result, "reason", json_string(reason_name(e.reason)));
	json_object_set_new(result, "until", time_json(e.until));
	return 0;
}

void override_print_answer(const json_t *o) {
	if (!member_true(o, "applied")) {
		(void)printf("It is in the journal, but the worker has not applied it yet: is tiergate-entitlement "
			     "running?\n");
		return;
	}
	(void)printf("%s is at tier %s now (%s mode): %s", member_text(o, "sub"), member_text(o, "tier"),
		     member_text(o, "mode"), member_text(o, "reason"));
	if (member_number(o, "until")) (void)printf(", until %s", when_s(member_number(o, "until"), "").text);
	(void)printf("\n");
}

enum override_state override_state(const struct override_register *r, int64_t now) {
	if (r->revoked) return OVERRIDE_REVOKED;
	if (!r->granted) return OVERRIDE_NOT_GRANTED;
	if (r->given.until && r->given.until <= now) return OVERRIDE_OVER;
	return r->given.from > now ? OVERRIDE_TO_COME : OVERRIDE_STANDING;
}

json_t *override_json(struct view id, const struct override_register *r, bool livemode, int64_t now) {
	static const char *const states[] = {[OVERRIDE_STANDING] = "standing",
					     [OVERRIDE_TO_COME] = "to_come",
					     [OVERRIDE_OVER] = "over",
					     [OVERRIDE_REVOKED] = "revoked",
					     [OVERRIDE_NOT_GRANTED] = "not_granted"};
	json_t *o = json_object();
	json_object_set_new(o, "id", text_json(id));
	json_object_set_new(o, "sub", text_json(r->granted ? r->given.subject : r->subject));
	json_object_set_new(o, "mode", json_string(livemode ? "live" : "test"));
	json_object_set_new(o, "state", json_string(states[override_state(r, now)]));
	if (r->granted) {
		json_object_set_new(o, "tier", text_json(r->given.tier));
		json_object_set_new(o, "from", time_json(r->given.from));
		json_object_set_new(o, "until", time_json(r->given.until));
		json_object_set_new(o, "granted", time_json(r->stamp.created));
		json_object_set_new(o, "why", text_json(r->given.why));
		json_object_set_new(o, "by", text_json(r->given.by));
	}
	if (r->revoked) {
		json_object_set_new(o, "revoked", time_json(r->revoked_stamp.created));
		json_object_set_new(o, "revoked_why", text_json(r->revoked_why));
		json_object_set_new(o, "revoked_by", text_json(r->revoked_by));
	}
	return o;
}

void override_print(const json_t *o) {
	(void)printf("%s  %-8s  %s: %s", member_text(o, "id"), member_text(o, "state"), member_text(o, "sub"),
		     *member_text(o, "tier") ? member_text(o, "tier") : "(its grant has not come)");
	if (member_number(o, "until")) (void)printf(" until %s", when_s(member_number(o, "until"), "").text);
	(void)printf(" (%s mode)\n", member_text(o, "mode"));
	if (json_object_get(o, "granted"))
		(void)printf("    granted  %s by %s: %s\n", when_s(member_number(o, "granted"), "-").text,
			     *member_text(o, "by") ? member_text(o, "by") : "-", member_text(o, "why"));
	if (json_object_get(o, "revoked"))
		(void)printf("    revoked  %s by %s: %s\n", when_s(member_number(o, "revoked"), "-").text,
			     *member_text(o, "revoked_by") ? member_text(o, "revoked_by") : "-",
			     member_text(o, "revoked_why"));
}
