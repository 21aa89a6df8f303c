/* A journal of many subscription events, and what merely parsing their bodies costs.
 *
 *   bench_journal_fill fill  DIR EVENTS BODY_BYTES SALT    makes the journal
 *   bench_journal_fill parse DIR                           reads its records once into memory, a part at a time, and
 *                                                          times jansson over the bodies alone
 *
 * Prints one JSON object. */
#include "event_body.h"
#include "samples.h"
#include "store/journal.h"
#include <jansson.h>

static enum error fill(const char *dir, uint64_t count, size_t bytes, const char *salt, struct problem *why) {
	static char bodies[JOURNAL_BATCH_MAX][EVENT_BODY_SIZE / 4];
	static char ids[JOURNAL_BATCH_MAX][64];
	static char body[EVENT_BODY_SIZE];
	static struct journal_entry entries[JOURNAL_BATCH_MAX];
	const struct journal_options options = {.dir = dir, .origin = 7};
	struct journal *j = NULL;
	int64_t now = (int64_t)time(NULL);

	if (bytes > sizeof bodies[0] / 2)
		return problem_set(why, ERR_USAGE, "bodies of at most %zu bytes", sizeof bodies[0] / 2);
	enum error e = journal_open(&options, &j, why);
	for (uint64_t n = 0; e == OK && n < count;) {
		size_t batch = 0;
		for (; batch < JOURNAL_BATCH_MAX && n < count; batch++, n++) {
			size_t len = event_body(body, n, salt, now, bytes, "price_pro_monthly");
			memcpy(bodies[batch], body, len);
			int id = snprintf(ids[batch], sizeof ids[batch], "evt_%s%012" PRIu64, salt, n);
			entries[batch] =
				(struct journal_entry){.record = {.kind = RECORD_WEBHOOK,
								  .received_ms = now * 1000,
								  .created = now,
								  .secret = VIEW("bench"),
								  .id = view_of(ids[batch], (size_t)id),
								  .type = VIEW("customer.subscription.created"),
								  .api_version = VIEW("2025-09-30.clover"),
								  .body = view_of(bodies[batch], len)}};
		}
		e = journal_append(j, entries, batch, why);
	}
	journal_close(&j);
	if (e == OK) printf("{\"events\": %" PRIu64 "}\n", count);
	return e;
}

static enum error parse(const char *dir, struct problem *why) {
	const struct journal_options options = {.dir = dir, .read_only = true};
	struct journal *j = NULL;
	struct journal_reader *r = NULL;
	uint64_t seq = 1, events = 0, bytes = 0;
	int64_t spent = 0;

	enum error e = journal_open(&options, &j, why);
	if (e == OK) e = journal_read_begin(j, &r, why);
	while (e == OK) {
		struct view record;
		struct record x;
		e = journal_read(r, seq, &seq, &record);
		if (e == OK) e = record_read(record, &x);
		if (e != OK) break;
		int64_t start = now_ns();
		json_t *tree = json_loadb(x.body.ptr, x.body.len, JSON_REJECT_DUPLICATES, NULL);
		json_decref(tree);
		spent += now_ns() - start;
		if (!tree) return problem_set(why, ERR_MALFORMED, "a body does not parse");
		events++;
		bytes += x.body.len;
		seq++;
	}
	journal_read_end(&r);
	journal_close(&j);
	if (e != ERR_NOT_FOUND || events == 0) return e;
	printf("{\"events\": %" PRIu64 ", \"events_per_s\": %.0f, \"us_per_event\": %.1f, \"body_bytes\": %.0f}\n",
	       events, (double)events * 1e9 / (double)spent, (double)spent / 1e3 / (double)events,
	       (double)bytes / (double)events);
	return OK;
}

int main(int argc, char **argv) {
	struct problem why = {0};
	enum error e = ERR_USAGE;
	if (argc == 6 && strcmp(argv[1], "fill") == 0)
		e = fill(argv[2], strtoull(argv[3], NULL, 10), strtoul(argv[4], NULL, 10), argv[5], &why);
	else if (argc == 3 && strcmp(argv[1], "parse") == 0)
		e = parse(argv[2], &why);
	else
		fprintf(stderr, "usage: %s fill DIR EVENTS BODY_BYTES SALT | parse DIR\n", argv[0]);
	if (e != OK) fprintf(stderr, "%s\n", problem_text(&why));
	return error_exit_code(e);
}
