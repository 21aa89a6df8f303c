/* A door with two places; whose key is taken out, and what those hear who are turned away. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>
#include <sys/stat.h>
#include <unistd.h>

#include "net/door.h"
#include "net/handshakes.h"
#include "rights_through.h"
#include "support/scratch.h"

#define WAIT_MS 60000
#define PATH_SIZE (sizeof(struct scratch) + 80)

struct site {
	struct scratch scratch;
	void *context;
	struct curve_gate *gate;
	struct curve_pair known, unknown;
	struct door door;
	char local[ENDPOINT_MAX];
	void *sockets[4];
	unsigned socket_count, sent;
};

static const char *in(const struct site *s, const char *name, char out[PATH_SIZE]) {
	(void)snprintf(out, PATH_SIZE, "%s/%s", s->scratch.dir, name);
	return out;
}

static int set_up(void **state) {
	struct site *s = calloc(1, sizeof *s);
	struct curve_pair server;
	char path[PATH_SIZE];
	if (!s) return -1;
	*state = s;
	scratch_make(&s->scratch);
	if (zcontext_create(&s->context, NULL) || curve_pair_make(&server, NULL) || curve_pair_make(&s->known, NULL) ||
	    curve_pair_make(&s->unknown, NULL))
		return -1;
	if (curve_pair_write(in(s, "server.key", path), &server, true, 0, NULL) ||
	    curve_pair_write(in(s, "server.pub", path), &server, false, 0, NULL) ||
	    curve_pair_write(in(s, "allowed/known.pub", path), &s->known, false, CURVE_JOURNAL | CURVE_GRANT, NULL) ||
	    curve_gate_open(s->context, s->scratch.dir, &s->gate, NULL))
		return -1;
	struct door_options o = {.type = ZMQ_ROUTER, .rights = CURVE_CONTROL | CURVE_GRANT, .at = {.count = 2}};
	(void)snprintf(s->local, ENDPOINT_MAX, "ipc://%.100s/door", s->scratch.dir);
	memcpy(o.at.at[0], s->local, ENDPOINT_MAX);
	(void)snprintf(o.at.at[1], ENDPOINT_MAX, "tcp://0.0.0.0:*");
	return door_open(&s->door, s->context, s->gate, &o, NULL) ? -1 : 0;
}

static int tear_down(void **state) {
	struct site *s = *state;
	while (s->socket_count) zsocket_close(&s->sockets[--s->socket_count]);
	door_close(&s->door);
	curve_gate_close(&s->gate);
	zcontext_destroy(&s->context);
	scratch_remove(&s->scratch);
	free(s);
	return 0;
}

/* The door's second place, in words that do not look local. */
static void remote_place(const struct site *s, char out[ENDPOINT_MAX]) {
	(void)snprintf(out, ENDPOINT_MAX, "tcp://0.0.0.0%s", strrchr(s->door.actual, ':'));
}

static void *dealer(struct site *s) {
	void *d = NULL;
	const struct zsocket_limits limits = {.send_timeout_ms = WAIT_MS, .receive_timeout_ms = WAIT_MS};
	const int at_once = 1; /* who is turned away tries again within the test */
	assert_int_equal(zsocket_create(s->context, ZMQ_DEALER, &limits, &d, NULL), OK);
	assert_int_equal(zmq_setsockopt(d, ZMQ_RECONNECT_IVL, &at_once, sizeof at_once), 0);
	s->sockets[s->socket_count++] = d;
	return d;
}

static void *local_dealer(struct site *s) {
	void *d = dealer(s);
	assert_int_equal(zsocket_connect(d, s->local, NULL), OK);
	return d;
}

/* A dealer with those keys, and the directory's server or another. */
static void *remote_dealer(struct site *s, const struct curve_pair *mine, struct handshakes *h) {
	char at[ENDPOINT_MAX];
	const struct curve_identity me = {.dir = s->scratch.dir, .mine = *mine};
	void *d = dealer(s);
	remote_place(s, at);
	assert_int_equal(handshakes_watch(s->context, d, h, NULL), OK);
	assert_int_equal(curve_connect(d, &me, at, NULL), OK);
	return d;
}

static unsigned rights_of_message(void *site, zmq_msg_t *m) {
	const struct site *s = site;
	return door_rights(&s->door, m);
}

/* Sends, and gives the rights that the door sees. */
static unsigned rights_of(struct site *s, void *d) {
	int rights = rights_through(s->door.socket, d, ++s->sent, WAIT_MS, rights_of_message, s);
	if (rights < 0) fail_msg("nothing came through the door");
	return (unsigned)rights;
}

static enum handshake wait_for(struct handshakes *h, enum handshake wanted) {
	for (int i = 0; i < WAIT_MS / 10 && handshakes_look(h, NULL) != wanted; i++) usleep(10000);
	return h->last;
}

static void both_places_lead_in(void **state) {
	struct site *s = *state;
	struct handshakes h;
	assert_int_equal(rights_of(s, local_dealer(s)), CURVE_RIGHTS_ALL);
	assert_int_equal(rights_of(s, remote_dealer(s, &s->known, &h)), CURVE_JOURNAL | CURVE_GRANT);
	assert_int_equal(wait_for(&h, HANDSHAKE_DONE), HANDSHAKE_DONE);
	assert_string_equal(handshake_text(h.last), "");
	handshakes_close(&h);
}

static void a_taken_key_ends(void **state) {
	struct site *s = *state;
	char path[PATH_SIZE], at[ENDPOINT_MAX];
	struct handshakes h;
	unsigned taken = 0;
	struct curve_bad_files bad;
	void *local = local_dealer(s);
	assert_int_equal(rights_of(s, local), CURVE_RIGHTS_ALL);
	void *d = remote_dealer(s, &s->known, &h);
	assert_int_equal(rights_of(s, d), CURVE_JOURNAL | CURVE_GRANT);
	assert_int_equal(unlink(in(s, "allowed/known.pub", path)), 0);
	assert_int_equal(curve_gate_reload(s->gate, &taken, &bad, NULL), OK);
	assert_int_equal(taken, 1);
	assert_int_equal(wait_for(&h, HANDSHAKE_REFUSED), HANDSHAKE_REFUSED);
	assert_non_null(strstr(handshake_text(h.last), "turns this side's key away"));
	/* allowed again, it comes in where it connects again */
	assert_int_equal(curve_pair_write(path, &s->known, false, CURVE_CONTROL, NULL), OK);
	assert_int_equal(curve_gate_reload(s->gate, &taken, &bad, NULL), OK);
	const struct curve_identity me = {.dir = s->scratch.dir, .mine = s->known};
	remote_place(s, at);
	(void)zmq_disconnect(d, at);
	assert_int_equal(curve_connect(d, &me, at, NULL), OK);
	assert_int_equal(rights_of(s, d), CURVE_CONTROL);
	assert_int_equal(wait_for(&h, HANDSHAKE_DONE), HANDSHAKE_DONE);
	handshakes_close(&h);
	assert_int_equal(rights_of(s, local), CURVE_RIGHTS_ALL);
}

static void those_turned_away_hear_why(void **state) {
	struct site *s = *state;
	struct handshakes h;
	bool changed = false;
	(void)remote_dealer(s, &s->unknown, &h);
	for (int i = 0; i < WAIT_MS / 10 && !(changed && h.last == HANDSHAKE_REFUSED); i++, usleep(10000))
		(void)handshakes_look(&h, &changed);
	assert_true(changed);
	assert_int_equal(h.last, HANDSHAKE_REFUSED);
	(void)handshakes_look(&h, &changed);
	assert_false(changed);
	handshakes_close(&h);
	/* another server than server.pub says */
	char path[PATH_SIZE];
	assert_int_equal(unlink(in(s, "server.pub", path)), 0);
	assert_int_equal(curve_pair_write(path, &s->unknown, false, 0, NULL), OK);
	(void)remote_dealer(s, &s->known, &h);
	assert_int_equal(wait_for(&h, HANDSHAKE_STRANGERS), HANDSHAKE_STRANGERS);
	handshakes_close(&h);
	/* but this host has a key of its own */
	struct curve_pair server;
	assert_int_equal(curve_pair_read(in(s, "server.key", path), true, &server, NULL), OK);
	assert_int_equal(curve_pair_write(in(s, "servers/0.0.0.0.pub", path), &server, false, 0, NULL), OK);
	assert_int_equal(rights_of(s, remote_dealer(s, &s->known, &h)), CURVE_JOURNAL | CURVE_GRANT);
	handshakes_close(&h);
}

/* libzmq's thread tells its events to whoever watches, and would wait for nobody. */
static void a_watch_that_ends_holds_nobody_up(void **state) {
	struct site *s = *state;
	struct handshakes h;
	char path[PATH_SIZE];
	assert_int_equal(unlink(in(s, "server.pub", path)), 0);
	assert_int_equal(curve_pair_write(path, &s->unknown, false, 0, NULL), OK);
	void *local = local_dealer(s);
	for (int i = 0; i < 3; i++) { /* strangers, who are turned away again and again */
		(void)remote_dealer(s, &s->known, &h);
		assert_int_equal(wait_for(&h, HANDSHAKE_STRANGERS), HANDSHAKE_STRANGERS);
		handshakes_close(&h);
		for (int k = 0; k < 50; k++) assert_int_equal(rights_of(s, local), CURVE_RIGHTS_ALL);
	}
}

static void keys_are_looked_for_by_host(void **state) {
	struct site *s = *state;
	char path[PATH_SIZE];
	struct curve_pair got;
	struct curve_identity me;
	struct problem why = {0};
	assert_int_equal(curve_pair_write(in(s, "servers/::1.pub", path), &s->unknown, false, 0, NULL), OK);
	assert_int_equal(curve_pair_write(in(s, "servers/db.example.pub", path), &s->known, false, 0, NULL), OK);
	assert_int_equal(curve_server_read(s->scratch.dir, "tcp://[::1]:7", &got, NULL), OK);
	assert_string_equal(got.public_text, s->unknown.public_text);
	assert_int_equal(curve_server_read(s->scratch.dir, "tcp://db.example:7", &got, NULL), OK);
	assert_string_equal(got.public_text, s->known.public_text);
	assert_int_equal(unlink(in(s, "server.pub", path)), 0);
	assert_int_equal(curve_server_read(s->scratch.dir, "tcp://other:7", &got, &why), ERR_CONFIG);
	assert_non_null(strstr(why.text, "server.pub"));
	assert_int_equal(curve_identity_read(s->scratch.dir, &me, &why), ERR_CONFIG);
	assert_non_null(strstr(why.text, "tiergate keygen"));
}

static void rights_are_words_both_ways(void **state) {
	(void)state;
	for (unsigned rights = 1; rights <= CURVE_RIGHTS_ALL; rights++) {
		unsigned back = 0;
		const struct curve_rights_text words = curve_rights_words(rights);
		assert_int_equal(curve_rights_parse(view_str(words.text), &back, NULL), OK);
		assert_int_equal(back, rights);
	}
	/* which is also a socket's ZAP domain */
	assert_true(strlen(curve_rights_words(CURVE_RIGHTS_ALL).text) + 1 < CURVE_RIGHTS_TEXT_MAX);
}

int main(void) {
	const struct CMUnitTest tests[] = {
#define TEST(f) cmocka_unit_test_setup_teardown(f, set_up, tear_down)
		TEST(both_places_lead_in),         TEST(a_taken_key_ends),
		TEST(those_turned_away_hear_why),  TEST(a_watch_that_ends_holds_nobody_up),
		TEST(keys_are_looked_for_by_host), cmocka_unit_test(rights_are_words_both_ways),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
