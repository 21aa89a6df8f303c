/* Whatever is done to a body, decoding it gives an observation or names what is wrong: every prefix of every
 * fixture, and every value in it changed into each of many others or left out. The body's last byte is the last
 * readable one. */
#include "lives/law.h"

#include <dirent.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>

#include <cmocka.h>

#include "proto/fact.h"
#include "proto/stripe_decode.h"
#include "proto/stripe_envelope.h"
#include "support/fixture.h"
#include "support/guard.h"

#define BODY_MAX (1 << 16)
#define SEEDS_MAX 64

/* A body to start from, and how it came. */
struct seed {
	char name[96];
	enum record_kind kind;
	char type[EVENT_TYPE_MAX + 1], id[STRIPE_ID_MAX + 1];
	char *body;
};

struct bench {
	struct stripe_decoder *decoder;
	struct guard guard;
	unsigned seed_count;
	struct seed seeds[SEEDS_MAX];
	uint64_t observed, refused;
};

static struct seed *add_seed(struct bench *b, const char *name, enum record_kind kind, json_t *tree) {
	if (b->seed_count == SEEDS_MAX) fail_msg("more than %d seeds", SEEDS_MAX);
	struct seed *s = &b->seeds[b->seed_count++];
	const char *type = json_string_value(json_object_get(tree, kind == RECORD_WEBHOOK ? "type" : "object"));
	const char *id = json_string_value(json_object_get(tree, "id"));
	s->kind = kind;
	s->body = json_dumps(tree, JSON_COMPACT);
	(void)snprintf(s->name, sizeof s->name, "%s %s", kind == RECORD_WEBHOOK ? "event" : "object", name);
	(void)snprintf(s->type, sizeof s->type, "%s", type ? type : "");
	(void)snprintf(s->id, sizeof s->id, "%s", id ? id : "fact_1");
	assert_non_null(s->body);
	assert_true(strlen(s->body) < BODY_MAX);
	return s;
}

/* Each event; and its object as a snapshot, where it can be asked for. */
static void add_fixture(struct bench *b, const char *name) {
	json_t *event = fixture_load(name), *object = fixture_at(event, "data.object");
	add_seed(b, name, RECORD_WEBHOOK, event);
	const char *what = json_string_value(json_object_get(object, "object"));
	if (what && fetch_parse(view_str(what)) != FETCH_NOTHING) add_seed(b, name, RECORD_SNAPSHOT, object);
	json_decref(event);
}

static void add_fact(struct bench *b, enum record_kind kind, const char *id, char *text) {
	json_t *tree = json_loads(text, 0, NULL);
	assert_non_null(tree);
	struct seed *s = add_seed(b, "fact", kind, tree);
	(void)snprintf(s->id, sizeof s->id, "%s", id);
	json_decref(tree);
	free(text);
}

static void add_facts(struct bench *b) {
	const struct override_observation grant = {.id = VIEW("ovr_1"),
						   .subject = VIEW("alice"),
						   .tier = VIEW("pro"),
						   .until = 9,
						   .why = VIEW("a gift"),
						   .by = VIEW("root")};
	const struct reconcile_mark mark = {1, 2, 3, 4, 5, 6};
	const struct fetch fetch = {FETCH_SUBSCRIPTIONS_OF, VIEW("cus_1")};
	add_fact(b, RECORD_OVERRIDE, "ovr_1_g", fact_override_write(&grant));
	add_fact(b, RECORD_MARK, "mark_1", fact_mark_write(&mark));
	add_fact(b, RECORD_SNAPSHOT, "snap_1", fact_missing_write(&fetch));
	add_fact(b, RECORD_SNAPSHOT, "snap_2", fact_answered_write(&fetch));
}

static int set_up(void **state) {
	static struct bench b;
	b.decoder = stripe_decoder_create(VIEW("user_id"));
	b.guard = guard_open(BODY_MAX);
	DIR *dir = opendir(TIERGATE_FIXTURES "/stripe");
	if (!b.decoder || !dir) return -1;
	for (struct dirent *e; (e = readdir(dir));)
		if (strstr(e->d_name, ".json")) add_fixture(&b, e->d_name);
	(void)closedir(dir);
	add_facts(&b);
	*state = &b;
	return b.seed_count > 20 ? 0 : -1;
}

static int tear_down(void **state) {
	struct bench *b = *state;
	for (unsigned i = 0; i < b->seed_count; i++) free(b->seeds[i].body);
	guard_close(&b->guard);
	stripe_decoder_destroy(&b->decoder);
	return 0;
}

/* As a record: the envelope's own words when it still has one, else those of the seed. */
static struct record record_of(const struct seed *s, struct view body) {
	struct stripe_envelope e;
	struct record r = {
		.kind = s->kind, .created = 1764547240, .id = view_str(s->id), .type = view_str(s->type), .body = body};
	if (s->kind != RECORD_WEBHOOK || stripe_envelope_parse(body, &e, NULL) != OK) return r;
	r.livemode = e.livemode;
	r.created = e.created;
	r.account = e.account;
	r.id = e.id;
	r.type = e.type;
	return r;
}

static enum error decode(struct bench *b, const struct seed *s, struct view text, const char *what) {
	struct observation o;
	struct problem why = {OK, ""};
	memset(&o, 0x5a, sizeof o);
	struct record r = record_of(s, guard_copy(&b->guard, text));
	enum error e = stripe_decode(b->decoder, &r, &o, &why);
	if (e == OK) {
		b->observed++;
		if (o.kind > OBSERVE_MARK || o.fetch_count > OBSERVATION_FETCHES_MAX ||
		    (o.is_answer && (o.answered.kind == FETCH_NOTHING || !o.answered.id.len)))
			fail_msg("%s, %s: not an observation", s->name, what);
	} else {
		b->refused++;
		if (e != ERR_MALFORMED || why.error != e || !why.text[0])
			fail_msg("%s, %s: %s without a name", s->name, what, error_code(e));
	}
	return e;
}

static void the_fixtures_themselves_decode(void **state) {
	struct bench *b = *state;
	for (unsigned i = 0; i < b->seed_count; i++)
		if (decode(b, &b->seeds[i], view_str(b->seeds[i].body), "as it is")) fail_msg("%s", b->seeds[i].name);
}

static void every_prefix_is_named_malformed(void **state) {
	struct bench *b = *state;
	for (unsigned i = 0; i < b->seed_count; i++) {
		const struct seed *s = &b->seeds[i];
		/* a cut object fails where its cut event does: the parser alone sees it */
		if (s->kind == RECORD_SNAPSHOT && strncmp(s->type, "tiergate.", 9) != 0) continue;
		for (size_t n = 0, len = strlen(s->body); n < len; n++)
			if (decode(b, s, view_of(s->body, n), "a prefix") == OK)
				fail_msg("%s: its first %zu bytes are something", s->name, n);
	}
}

/* ---- every value ---------------------------------------------------------------- */

static json_t *strange(unsigned i) {
	static char text[300];
	switch (i) {
	case 0:
		return json_null();
	case 1:
		return json_true();
	case 2:
		return json_false();
	case 3:
		return json_integer(0);
	case 4:
		return json_integer(-1);
	case 5:
		return json_integer(INT64_MAX);
	case 6:
		return json_real(1.5);
	case 7:
		return json_string("");
	case 8:
		return json_string("x");
	case 9:
		memset(text, 'y', sizeof text - 1);
		return json_string(text);
	case 10:
		return json_stringn("a\0b", 3);
	case 11:
		return json_array();
	case 12:
		return json_object();
	case 13:
		return json_pack("{s:s}", "id", "id_1");
	case 14:
		return json_pack("[[], {}, null, 1]");
	default:
		return NULL;
	}
}

static void decode_tree(struct bench *b, const struct seed *s, json_t *root, const char *what) {
	char *text = json_dumps(root, JSON_COMPACT);
	assert_non_null(text);
	(void)decode(b, s, view_str(text), what);
	free(text);
}

static void mutate(struct bench *b, const struct seed *s, json_t *root, json_t *at);

static void mutate_members(struct bench *b, const struct seed *s, json_t *root, json_t *object) {
	const char *key;
	json_t *value;
	void *next;
	json_object_foreach_safe(object, next, key, value) {
		char name[128];
		(void)snprintf(name, sizeof name, "%s", key);
		mutate(b, s, root, value);
		json_incref(value);
		for (unsigned i = 0;; i++) {
			json_t *other = strange(i);
			if (!other) break;
			json_object_set_new(object, name, other);
			decode_tree(b, s, root, name);
		}
		json_object_set(object, name, value); /* keeps its place, so that the walk goes on */
		json_t *without = json_copy(object);
		json_object_del(without, name);
		json_object_set_new(object, name, json_null()); /* as good as left out, but at the root */
		decode_tree(b, s, object == root ? without : root, name);
		json_object_set_new(object, name, value);
		json_decref(without);
	}
}

static void mutate(struct bench *b, const struct seed *s, json_t *root, json_t *at) {
	if (json_is_object(at)) mutate_members(b, s, root, at);
	for (size_t n = 0; n < json_array_size(at); n++) {
		json_t *value = json_incref(json_array_get(at, n));
		mutate(b, s, root, value);
		for (unsigned i = 0;; i++) {
			json_t *other = strange(i);
			if (!other) break;
			json_array_set_new(at, n, other);
			decode_tree(b, s, root, "an element");
		}
		json_array_set_new(at, n, value);
	}
}

static void every_changed_value_is_read_or_named(void **state) {
	struct bench *b = *state;
	for (unsigned i = 0; i < b->seed_count; i++) {
		json_t *root = json_loads(b->seeds[i].body, 0, NULL);
		assert_non_null(root);
		mutate(b, &b->seeds[i], root, root);
		json_decref(root);
	}
	printf("%llu observed, %llu refused\n", (unsigned long long)b->observed, (unsigned long long)b->refused);
	assert_true(b->observed > 1000 && b->refused > 1000); /* it did try */
}

int main(void) {
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(the_fixtures_themselves_decode),
		cmocka_unit_test(every_prefix_is_named_malformed),
		cmocka_unit_test(every_changed_value_is_read_or_named),
	};
	return cmocka_run_group_tests_name("stripe_mutations", tests, set_up, tear_down);
}
