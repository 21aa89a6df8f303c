/* Every event that matters, in every shape that it comes in, and what it says: tests/fixtures/stripe/observations.txt.
 *
 *   # a comment
 *   FIXTURE [TYPE]            the event, given another type when there is one; "snapshot FIXTURE" is its object alone
 *   + PATH JSON               an edit of it (support/fixture.h); "- PATH" drops what is there
 *     TEXT                    the observation, as the test prints it: two spaces, any number of lines
 * Events that stand on consecutive lines are one truth: edits and text are those of all.
 *
 * What it should have been is printed in the file's form. */
#include "lives/law.h"

#include <inttypes.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>

#include <cmocka.h>

#include "proto/stripe_envelope.h"
#include "support/decoded.h"

#define CASES_MAX 400

struct row {
	char *head; /* the lines of the file: what to decode … */
	char *edits;
	char *expected; /* … and what it says */
	unsigned line;
};

static struct row rows[CASES_MAX];
static unsigned row_count;
static char *file;

/* Cuts the file into rows, in place; lines keep their newlines but a head's. */
static void load(void) {
	char *line = file;
	for (unsigned n = 1; *line; n++) {
		char *end = strchr(line, '\n');
		if (!end) fail_msg("line %u: has no end", n);
		char *next = end + 1;
		struct row *row = row_count ? &rows[row_count - 1] : NULL;
		if (*line == '#' || line == end) {
			*line = 0; /* ends the row before */
		} else if (*line != ' ' && *line != '+' && *line != '-') {
			if (row_count == CASES_MAX) fail_msg("more than %d rows", CASES_MAX);
			rows[row_count++] = (struct row){.head = line, .line = n};
			*end = 0;
		} else if (!row) {
			fail_msg("line %u: belongs to nothing", n);
		} else if (*line == ' ') {
			if (!row->expected) row->expected = line;
		} else if (!row->edits) {
			row->edits = line;
		}
		line = next;
	}
	for (unsigned i = row_count; i-- > 1;) {
		if (rows[i - 1].edits || rows[i - 1].expected) continue;
		rows[i - 1].edits = rows[i].edits;
		rows[i - 1].expected = rows[i].expected;
	}
}

/* The lines from `at` that begin with one of `marks`. */
static size_t lines_of(const char *at, const char *marks) {
	size_t n = 0;
	while (at && at[n] && strchr(marks, at[n])) n += strcspn(at + n, "\n") + 1;
	return n;
}

static void edit(json_t *tree, const char *at) {
	for (size_t left = lines_of(at, "+-"); left;) {
		char line[1024], path[256];
		size_t n = strcspn(at, "\n"), from = 2;
		if (n >= sizeof line) fail_msg("a long edit: %.80s", at);
		memcpy(line, at, n);
		line[n] = 0;
		size_t len = strcspn(line + from, " ");
		(void)snprintf(path, sizeof path, "%.*s", (int)len, line + from);
		fixture_set(tree, path, line[0] == '-' ? NULL : line + from + len + 1);
		at += n + 1;
		left -= n + 1;
	}
}

/* The record that ingress would make of the event. */
static struct record received(json_t *event, char **ret_body) {
	struct stripe_envelope e;
	struct problem why = {0};
	*ret_body = json_dumps(event, JSON_COMPACT);
	assert_non_null(*ret_body);
	if (stripe_envelope_parse(view_str(*ret_body), &e, &why)) fail_msg("%s", problem_text(&why));
	return (struct record){.kind = RECORD_WEBHOOK,
			       .livemode = e.livemode,
			       .created = e.created,
			       .account = e.account,
			       .id = e.id,
			       .type = e.type};
}

/* The fixture that the row names, edited, and its record, whose texts are in *ret_body. */
static void set_up(const struct row *row, struct decoded *d, char **ret_body) {
	char words[3][128] = {"", "", ""};
	int count = sscanf(row->head, "%127s %127s %127s", words[0], words[1], words[2]);
	bool snapshot = count > 1 && strcmp(words[0], "snapshot") == 0;
	json_t *event = fixture_load(words[snapshot]);
	if (!snapshot && count > 1) json_object_set_new(event, "type", json_string(words[1]));
	edit(event, row->edits);
	d->record = received(event, ret_body);
	d->event = event;
	if (!snapshot) return;
	d->event = json_incref(fixture_at(event, "data.object"));
	json_decref(event);
	d->record.kind = RECORD_SNAPSHOT;
	d->record.id = VIEW("snap_1");
	d->record.type = text_of(json_object_get(d->event, "object"));
}

static void print(struct text *t, const struct decoded *d) {
	static const char *const ranks[] = {"created", "updated", "deleted"};
	const struct observation *o = &d->o;
	if (d->result) {
		text_add(t, "%s: %s\n", error_code(d->result), problem_text(&d->why));
		return;
	}
	if (o->scope.account.len) text_add(t, "account %.*s\n", VIEW_FMT(o->scope.account));
	if (o->kind == OBSERVE_SUBSCRIPTION) {
		const struct subscription_observation *s = &o->of.subscription;
		text_add(t, "%" PRId64 " subscription%s%s ", o->stamp.created, s->new_claim ? " new claim" : "",
			 s->has_pre ? " from another state" : "");
		print_subscription(t, &s->now);
		text_add(t, "\n");
	} else {
		print_observation(t, o);
	}
	if (o->kind != OBSERVE_NOTHING) text_add(t, "%s\n", ranks[o->stamp.rank]);
	print_questions(t, o);
}

/* Each line gets two spaces in front, as in the file. */
static void indent(struct text *out, const struct text *in) {
	for (size_t i = 0; i < in->len;) {
		size_t n = strcspn(in->bytes + i, "\n");
		text_add(out, "  %.*s\n", (int)n, in->bytes + i);
		i += n + 1;
	}
}

static bool check(const struct row *row) {
	static struct text plain, got;
	char *body = NULL;
	LET(d) = {.result = OK};
	set_up(row, &d, &body);
	run(&d);
	text_clear(&plain);
	text_clear(&got);
	print(&plain, &d);
	indent(&got, &plain);
	free(body);
	size_t want = lines_of(row->expected, " ");
	if (want == got.len && memcmp(row->expected, got.bytes, want) == 0) return true;
	fprintf(stderr, "line %u:\n%s\n%.*s%s", row->line, row->head, (int)lines_of(row->edits, "+-"),
		row->edits ? row->edits : "", got.bytes);
	return false;
}

static void every_event_says_what_is_written_down(void **state) {
	unsigned wrong = 0;
	(void)state;
	for (unsigned i = 0; i < row_count; i++) wrong += !check(&rows[i]);
	if (wrong || !row_count) fail_msg("%u of %u are something else", wrong, row_count);
}

/* The list of what must be known, of which none may be forgotten in the file. */
static void every_event_that_matters_is_there(void **state) {
	static const char *const types[] = {
		"customer.subscription.created",
		"customer.subscription.updated",
		"customer.subscription.deleted",
		"customer.subscription.paused",
		"customer.subscription.resumed",
		"customer.subscription.pending_update_applied",
		"customer.subscription.pending_update_expired",
		"customer.subscription.trial_will_end",
		"subscription_schedule.created",
		"subscription_schedule.updated",
		"subscription_schedule.released",
		"subscription_schedule.canceled",
		"subscription_schedule.completed",
		"subscription_schedule.aborted",
		"subscription_schedule.expiring",
		"entitlements.active_entitlement_summary.updated",
		"checkout.session.completed",
		"checkout.session.async_payment_succeeded",
		"checkout.session.async_payment_failed",
		"checkout.session.expired",
		"customer.created",
		"customer.updated",
		"customer.deleted",
		"invoice.paid",
		"invoice.payment_failed",
		"invoice.payment_action_required",
		"invoice.finalization_failed",
		"invoice.voided",
		"invoice.marked_uncollectible",
		"invoice.overdue",
		"invoice_payment.paid",
		"refund.created",
		"refund.updated",
		"refund.failed",
		"charge.refunded",
		"charge.dispute.created",
		"charge.dispute.updated",
		"charge.dispute.closed",
		"charge.dispute.funds_withdrawn",
		"charge.dispute.funds_reinstated",
		"price.created",
		"price.updated",
		"price.deleted",
		"product.created",
		"product.updated",
		"product.deleted",
	};
	(void)state;
	for (size_t t = 0; t < ARRAY_LEN(types); t++) {
		unsigned seen = 0;
		for (unsigned i = 0; i < row_count; i++) {
			const char *type = strchr(rows[i].head, ' ');
			seen += type && strcmp(type + 1, types[t]) == 0;
		}
		if (!seen) fail_msg("%s is in no row", types[t]);
	}
}

static char *read_file(const char *path) {
	FILE *f = fopen(path, "rb");
	char *bytes = f ? malloc(1 << 20) : NULL;
	if (!bytes) abort();
	size_t n = fread(bytes, 1, (1 << 20) - 1, f);
	bytes[n] = 0;
	(void)fclose(f);
	return bytes;
}

int main(void) {
	const struct CMUnitTest tests[] = {cmocka_unit_test(every_event_says_what_is_written_down),
					   cmocka_unit_test(every_event_that_matters_is_there)};
	file = read_file(TIERGATE_FIXTURES "/stripe/observations.txt");
	load();
	int failed = cmocka_run_group_tests_name("stripe_fixtures", tests, NULL, NULL);
	free(file);
	return failed;
}
