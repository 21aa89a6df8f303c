/* tiergate rebuild */
#include "rebuild.h"
#include "ask_control.h"
#include "ask_journal.h"
#include "ask_reconciler.h"
#include "base/hex.h"
#include "open_store.h"
#include "service/catalog_file.h"
#include "service/clock.h"
#include "value.h"

#include <poll.h>

#define LOOK_EVERY_MS 50
#define SWAP_WAIT_MS 5000 /* until the path shows the store that the worker speaks of */

static const struct setting rows[] = {
	{"WAIT", SETTING_DURATION, AT(wait_ms), .flag_only = true, .fallback = "1h", .min = 1000,
	 .help = "how long to wait until it is done; the worker goes on without this command"},
	{"JOURNAL_ALONE", SETTING_BOOL, AT(journal_alone), .flag_only = true,
	 .help = "also when the journal does not reach back to the beginning and Stripe is not asked"},
	ROW_CONTROL,
	ROW_CURVE_DIR,
	ROW_RECONCILER,
	ROW_JOURNAL_REPLAY,
	ROW_STORE_DIR,
	ROW_CATALOG,
	ROW_TIMEOUT,
	ROW_JSON,
};

static const struct settings_table table = {
	.program = "tiergate rebuild",
	.purpose =
		"Has the worker make the entitlement store anew from the journal, while the old one is answered from.",
	.notes = "When the journal does not reach back to its beginning, the reconciler first appends every object of "
		 "Stripe's.\n"
		 "Then the new store takes the old one's place, and query goes on with it by itself. Exits with 0 when "
		 "it is\n"
		 "done; what differs between the two is printed.",
	.rows = rows,
	.count = ARRAY_LEN(rows),
};

/* What came before the journal's first record is only in Stripe. */
static enum error complete_journal(const struct call *c, json_t *o, struct problem *why) {
	struct journal_asker j;
	struct stream_reply head = {0};
	struct reconcile_done done = {0};
	enum error e = journal_asker_open(c, &j, why);
	if (!e) e = journal_ask(&j, &(struct stream_request){.op = STREAM_HEAD, .id = 1}, &head, why);
	journal_asker_close(&j);
	if (e) return e;
	json_object_set_new(o, "first", u64_json(head.first));
	json_object_set_new(o, "head", u64_json(head.head));
	if (head.first <= 1 || c->s.journal_alone) return OK;
	struct problem inner = {0};
	e = reconciler_pass(c, &(struct pass_wish){.full = true}, &done, &inner);
	if (e)
		return problem_set(why, e,
				   "the journal begins at record %llu, and what was before is only in Stripe: %.110s "
				   "(--journal-alone does without)",
				   (unsigned long long)head.first, problem_text(&inner));
	json_object_set_new(o, "fetched", u64_json(done.appended));
	return OK;
}

static enum error wait_done(const struct call *c, struct control_answer *a, struct problem *why) {
	int64_t deadline = mono_ms() + c->s.wait_ms;
	const struct control_request r = {.op = CONTROL_REBUILD_STATUS, .id = 2};
	while (a->reply.rebuild.phase == REBUILD_FILLING) {
		if (mono_ms() >= deadline)
			return problem_set(why, ERR_TIMEOUT, "not done yet: %llu of %llu records; the worker goes on",
					   (unsigned long long)a->reply.rebuild.applied,
					   (unsigned long long)a->reply.rebuild.head);
		(void)poll(NULL, 0, LOOK_EVERY_MS);
		enum error e = control_ask(c, &r, a, why);
		if (e) return e;
	}
	if (a->reply.rebuild.phase == REBUILD_DONE) return OK;
	if (a->reply.rebuild.phase == REBUILD_FAILED)
		return problem_set(why, ERR_UNAVAILABLE, "the old store stands: %.*s", VIEW_FMT(a->reply.rebuild.why));
	return problem_set(why, ERR_UNAVAILABLE, "the worker was started anew meanwhile; the old store stands");
}

/* The worker replaces the directory and then says so: the path shows the new store. */
static enum error open_new(const struct call *c, uint64_t epoch, struct store_view *v, struct problem *why) {
	int64_t deadline = mono_ms() + SWAP_WAIT_MS;
	for (;;) {
		enum error e = store_view_open(c, v, why);
		if (!e && entitlements_epoch(v->store) == epoch) return OK;
		store_view_close(v);
		if (mono_ms() >= deadline)
			return e ? e
				 : problem_set(why, ERR_UNAVAILABLE, "another store is at STORE_DIR than the worker's");
		(void)poll(NULL, 0, LOOK_EVERY_MS);
	}
}

static enum error rebuild(const struct call *c, const struct catalog *catalog, json_t *o, struct problem *why) {
	struct store_view old = {0}, fresh = {0};
	struct control_answer a = {0};
	struct control_request start = {.op = CONTROL_REBUILD, .id = 1};
	bool had = store_view_open(c, &old, NULL) == OK;
	if (had) look_rest(old.look); /* it must not pin pages while the worker goes on */
	enum error e = complete_journal(c, o, why);
	start.partial = c->s.journal_alone || json_object_get(o, "fetched");
	if (!e) e = control_ask(c, &start, &a, why);
	if (!e) e = wait_done(c, &a, why);
	if (!e) e = open_new(c, a.reply.rebuild.epoch, &fresh, why);
	if (!e && had) e = look_renew(old.look);
	if (!e) {
		json_object_set_new(o, "records", u64_json(a.reply.rebuild.applied));
		json_object_set_new(o, "missing", u64_json(a.reply.rebuild.missing));
		e = rebuild_compare(had ? &old : NULL, &fresh, catalog, wall_s(), o);
		if (e) (void)problem_set(why, e, "cannot compare the stores: %s", error_text(e));
	}
	store_view_close(&old);
	store_view_close(&fresh);
	return e;
}

static void print_store(const json_t *o, const char *label) {
	if (json_is_object(o))
		(void)printf("%-4s %s  subjects %" JSON_INTEGER_FORMAT "  digest %s\n", label, member_text(o, "epoch"),
			     member_number(o, "subjects"), member_text(o, "digest"));
}

static void print(const json_t *o) {
	if (json_object_get(o, "fetched"))
		(void)printf("fetched %" JSON_INTEGER_FORMAT " objects from Stripe\n", member_number(o, "fetched"));
	(void)printf("rebuilt from %" JSON_INTEGER_FORMAT " records", member_number(o, "records"));
	if (member_number(o, "missing"))
		(void)printf("; %" JSON_INTEGER_FORMAT " older ones are gone from the journal",
			     member_number(o, "missing"));
	(void)printf("\n");
	print_store(json_object_get(o, "old"), "old");
	print_store(json_object_get(o, "new"), "new");
	if (json_object_get(o, "differing"))
		(void)printf("subjects whose answer differs: %" JSON_INTEGER_FORMAT "\n",
			     member_number(o, "differing"));
	const json_t *some = json_object_get(o, "some");
	for (size_t i = 0; i < json_array_size(some); i++) {
		const json_t *s = json_array_get(some, i);
		(void)printf("  %s (%s mode): %s -> %s\n", member_text(s, "sub"), member_text(s, "mode"),
			     member_text(s, "old"), member_text(s, "new"));
	}
}

static int run(const struct call *c) {
	struct problem why = {0};
	AUTO(catalog_file_destroy)
	struct catalog_file *catalog = NULL;
	json_t *o = json_object();
	enum error e = catalog_file_load(c->s.catalog, &catalog, &why);
	if (e == ERR_NOT_FOUND)
		e = problem_set(&why, ERR_CONFIG, "there is no catalog at %.100s (%s)", c->s.catalog,
				settings_origin(c->settings, "CATALOG"));
	if (!e) e = rebuild(c, catalog_file_get(catalog), o, &why);
	if (!e) return call_done(c, o, print, 0);
	json_decref(o);
	return call_failed(c, e, &why);
}

const struct verb verb_rebuild = {"rebuild", "makes the entitlement store anew, without an outage", &table, run};
