/* What decoding an event costs, beside what jansson alone takes to parse the same body, shape by shape.
 *
 *   bench_decode MILLISECONDS FIXTURE.json …    an event each; its shape is named after the file
 *
 * Bodies are as Stripe sends them, indented. The two are timed in turns, and the best turn of each counts. Beside
 * the files: a subscription of 20 items made from the first one, and an event of a type that is not used.
 * Prints one JSON object. */
#include <jansson.h>
#include <stdio.h>
#include <string.h>

#include "proto/stripe_decode.h"
#include "proto/stripe_envelope.h"
#include "samples.h"

#define BODIES_MAX 64
#define TURN 8 /* events: short, so that some turns are not interrupted */

struct body {
	char name[64];
	char *text;
	struct record record;
	double decode_us, parse_us; /* of the best turn; 0: none yet */
};

static struct body bodies[BODIES_MAX];
static size_t body_count;

static bool add(const char *name, json_t *event) {
	struct stripe_envelope e;
	struct body *b = &bodies[body_count];
	if (!event || body_count == BODIES_MAX) return false;
	(void)snprintf(b->name, sizeof b->name, "%s", name);
	b->text = json_dumps(event, JSON_INDENT(2));
	if (!b->text || stripe_envelope_parse(view_str(b->text), &e, NULL)) return false;
	b->record = (struct record){.kind = RECORD_WEBHOOK,
				    .livemode = e.livemode,
				    .created = e.created,
				    .account = e.account,
				    .id = e.id,
				    .type = e.type,
				    .body = view_str(b->text)};
	body_count++;
	return true;
}

/* "…/invoice_paid.basil.json" is invoice_paid.basil */
static bool add_file(const char *path) {
	char name[64];
	const char *slash = strrchr(path, '/');
	(void)snprintf(name, sizeof name, "%s", slash ? slash + 1 : path);
	char *end = strstr(name, ".json");
	if (end) *end = 0;
	json_t *event = json_load_file(path, 0, NULL);
	bool added = add(name, event);
	json_decref(event);
	return added;
}

/* From a subscription's event: the same with 20 items, and one that nobody reads. */
static bool add_made(const char *path) {
	json_t *event = json_load_file(path, 0, NULL);
	json_t *items = json_object_get(json_object_get(json_object_get(event, "data"), "object"), "items");
	json_t *list = json_object_get(items, "data");
	bool added = json_array_size(list) > 0;
	while (added && json_array_size(list) < 20)
		added = json_array_append_new(list, json_deep_copy(json_array_get(list, 0))) == 0;
	added = added && add("subscription_of_20_items", event) &&
		json_object_set_new(event, "type", json_string("price.updated")) == 0 && add("unused_type", event);
	json_decref(event);
	return added;
}

static void keep_best(double *best, int64_t spent_ns) {
	double us = (double)spent_ns / 1e3 / TURN;
	if (*best == 0 || us < *best) *best = us;
}

static bool turn(struct stripe_decoder *d, struct body *b) {
	struct observation o;
	int64_t start = now_ns();
	for (unsigned i = 0; i < TURN; i++)
		if (stripe_decode(d, &b->record, &o, NULL)) return false;
	int64_t middle = now_ns();
	for (unsigned i = 0; i < TURN; i++) {
		json_t *tree = json_loadb(b->record.body.ptr, b->record.body.len,
					  JSON_REJECT_DUPLICATES | JSON_ALLOW_NUL, NULL);
		if (!tree) return false;
		json_decref(tree);
	}
	keep_best(&b->decode_us, middle - start);
	keep_best(&b->parse_us, now_ns() - middle);
	return true;
}

static bool measure(struct stripe_decoder *d, int64_t ms) {
	int64_t end = now_ns() + ms * 1000000;
	do {
		for (size_t i = 0; i < body_count; i++)
			if (!turn(d, &bodies[i])) return false;
	} while (now_ns() < end);
	return true;
}

int main(int argc, char **argv) {
	struct stripe_decoder *d = stripe_decoder_create(VIEW("user_id"));
	bool fine = d && argc > 2;
	for (int i = 2; fine && i < argc; i++) {
		fine = add_file(argv[i]);
		if (fine && strstr(argv[i], "subscription_updated.basil")) fine = add_made(argv[i]);
	}
	fine = fine && measure(d, strtol(argv[1], NULL, 10));
	for (size_t i = 0; fine && i < body_count; i++)
		printf("%s\"%s\": {\"decode_us\": %.2f, \"parse_us\": %.2f, \"bytes\": %zu}", i ? ", " : "{",
		       bodies[i].name, bodies[i].decode_us, bodies[i].parse_us, bodies[i].record.body.len);
	if (fine) printf("}\n");
	for (size_t i = 0; i < body_count; i++) free(bodies[i].text);
	stripe_decoder_destroy(&d);
	return fine ? 0 : 64;
}
