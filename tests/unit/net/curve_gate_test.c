/* Keys on real sockets: who gets in, with what rights, and what is told about those who do not. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>

#include <arpa/inet.h>
#include <cmocka.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#include "net/curve_gate.h"
#include "net/peers.h"
#include "rights_through.h"
#include "support/scratch.h"

#define WAIT_MS 60000
#define PATH_SIZE (sizeof(struct scratch) + 80)

struct site {
	struct scratch scratch;
	void *context;
	struct curve_pair server;
	struct curve_pair clients[3];
	struct curve_gate *gate;
	void *router;
	char at[ENDPOINTS_TEXT_MAX];
	unsigned dealer_count, sent;
	void *dealers[6]; /* closed at the end: a socket that is left open keeps the context from ending */
};

static void path_of(const struct site *s, const char *name, char *out) {
	(void)snprintf(out, PATH_SIZE, "%s/%s", s->scratch.dir, name);
}

static void allow(struct site *s, const char *name, const struct curve_pair *pair, unsigned rights) {
	char path[PATH_SIZE], file[80];
	(void)snprintf(file, sizeof file, "allowed/%s.pub", name);
	path_of(s, file, path);
	(void)unlink(path);
	assert_int_equal(curve_pair_write(path, pair, false, rights, NULL), OK);
}

static void forbid(struct site *s, const char *name) {
	char path[PATH_SIZE], file[80];
	(void)snprintf(file, sizeof file, "allowed/%s.pub", name);
	path_of(s, file, path);
	assert_int_equal(unlink(path), 0);
}

static void bind_router(struct site *s) {
	struct endpoints list = {.count = 1, .at = {"tcp://0.0.0.0:*"}};
	struct problem why = {0};
	if (s->at[0]) memcpy(list.at[0], s->at, ENDPOINT_MAX); /* one endpoint, so it fits */
	assert_int_equal(zsocket_create(s->context, ZMQ_ROUTER, NULL, &s->router, NULL), OK);
	enum error e = ERR_UNAVAILABLE;
	/* the port of a socket that was just closed is free a moment later */
	for (int i = 0; i < 500 && e == ERR_UNAVAILABLE; i++, e ? usleep(10000) : 0)
		e = curve_gate_bind_all(s->gate, CURVE_CHECK, s->router, &list, s->at, &why);
	if (e) fail_msg("%s", why.text);
}

static int set_up(void **state) {
	struct site *s = calloc(1, sizeof *s);
	char path[PATH_SIZE];
	if (!s) return -1;
	scratch_make(&s->scratch);
	if (zcontext_create(&s->context, NULL)) return -1;
	if (curve_pair_make(&s->server, NULL)) return -1;
	path_of(s, "server.key", path);
	if (curve_pair_write(path, &s->server, true, 0, NULL)) return -1;
	for (int i = 0; i < 3; i++)
		if (curve_pair_make(&s->clients[i], NULL)) return -1;
	allow(s, "api", &s->clients[0], CURVE_CHECK | CURVE_FEED);
	allow(s, "mirror", &s->clients[1], CURVE_JOURNAL);
	struct problem why = {0};
	if (curve_gate_open(s->context, s->scratch.dir, &s->gate, &why)) {
		print_error("%s\n", why.text);
		return -1;
	}
	bind_router(s);
	*state = s;
	return 0;
}

static int tear_down(void **state) {
	struct site *s = *state;
	while (s->dealer_count) zsocket_close(&s->dealers[--s->dealer_count]);
	zsocket_close(&s->router);
	curve_gate_close(&s->gate);
	curve_gate_close(&s->gate);
	zcontext_destroy(&s->context);
	scratch_remove(&s->scratch);
	free(s);
	return 0;
}

static void *dealer(struct site *s, const struct curve_pair *mine, const struct curve_pair *server) {
	void *d = NULL;
	struct endpoints list = {.count = 1};
	const struct zsocket_limits limits = {.send_timeout_ms = 300, .receive_timeout_ms = WAIT_MS};
	assert_int_equal(zsocket_create(s->context, ZMQ_DEALER, &limits, &d, NULL), OK);
	/* a loopback address that does not look like one, where keys are to be used */
	(void)snprintf(list.at[0], ENDPOINT_MAX, "tcp://%s%s", mine ? "[::ffff:127.0.0.1]" : "127.0.0.1",
		       strrchr(s->at, ':'));
	assert_int_equal(curve_connect_all(d, mine, server, &list, NULL), OK);
	s->dealers[s->dealer_count++] = d;
	return d;
}

static unsigned rights_of_message(void *site, zmq_msg_t *m) {
	const struct site *s = site;
	return curve_gate_rights(s->gate, m);
}

/* The rights of who sends there, as the server sees them; -1: nothing arrives. */
static int rights_of(struct site *s, void *d, int timeout_ms) {
	return rights_through(s->router, d, ++s->sent, timeout_ms, rights_of_message, s);
}

/* Waits until a refusal is told of. */
static struct curve_denial denial(struct site *s) {
	struct curve_denial d = {.wanted = 0};
	uint64_t total = 0;
	for (int i = 0; i < WAIT_MS / 10; i++) {
		if (curve_gate_denied(s->gate, &d, &total)) {
			assert_true(total > 0);
			return d;
		}
		usleep(10000);
	}
	fail_msg("no refusal was told of");
	return d;
}

static void an_allowed_key_gets_in_with_its_rights(void **state) {
	struct site *s = *state;
	void *d = dealer(s, &s->clients[0], &s->server);
	assert_int_equal(rights_of(s, d, WAIT_MS), CURVE_CHECK | CURVE_FEED);
}

static void a_key_without_the_right_is_refused_and_named(void **state) {
	struct site *s = *state;
	void *d = dealer(s, &s->clients[1], &s->server);
	assert_int_equal(rights_of(s, d, 300), -1);
	struct curve_denial denied = denial(s);
	assert_string_equal(denied.name, "mirror");
	assert_int_equal(denied.wanted, CURVE_CHECK);
	assert_string_equal(denied.key, s->clients[1].public_text);
}

static void a_strange_key_is_refused(void **state) {
	struct site *s = *state;
	void *d = dealer(s, &s->clients[2], &s->server);
	assert_int_equal(rights_of(s, d, 300), -1);
	struct curve_denial denied = denial(s);
	assert_string_equal(denied.name, "");
	assert_string_equal(denied.key, s->clients[2].public_text);
}

static void no_key_and_a_wrong_server_are_told_of(void **state) {
	struct site *s = *state;
	void *d = dealer(s, NULL, NULL);
	assert_int_equal(rights_of(s, d, 300), -1);
	struct curve_denial denied = denial(s);
	assert_string_equal(denied.key, "");
	assert_true(strlen(denied.address) > 0);
	while (1) { /* what the peer's further tries left */
		uint64_t total;
		if (!curve_gate_denied(s->gate, &denied, &total)) break;
	}
	d = dealer(s, &s->clients[0], &s->clients[2]);
	assert_int_equal(rights_of(s, d, 300), -1);
	denied = denial(s);
	assert_string_equal(denied.key, "");
}

/* Speaks no CURVE, and comes back when it was turned away: returns then. */
static void knock(const struct site *s) {
	static const char greeting[64] = "\377\0\0\0\0\0\0\0\0\177\3\0NULL";
	struct sockaddr_in to = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
	char answer[256];
	to.sin_port = htons((uint16_t)strtoul(strrchr(s->at, ':') + 1, NULL, 10));
	int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
	assert_true(fd >= 0);
	assert_int_equal(connect(fd, (const struct sockaddr *)&to, sizeof to), 0);
	assert_int_equal(send(fd, greeting, sizeof greeting, MSG_NOSIGNAL), sizeof greeting);
	while (recv(fd, answer, sizeof answer, 0) > 0) {
	}
	(void)close(fd);
}

static void who_knocks_often_hides_nobody(void **state) {
	struct site *s = *state;
	struct curve_denial denied;
	for (int i = 0; i < 3 * CURVE_DENIALS_KEPT; i++) knock(s);
	void *d = dealer(s, &s->clients[2], &s->server);
	assert_int_equal(rights_of(s, d, 300), -1);
	do denied = denial(s);
	while (!denied.key[0]);
	assert_string_equal(denied.key, s->clients[2].public_text);
}

static void a_key_that_is_taken_out_is_out_at_once(void **state) {
	struct site *s = *state;
	unsigned taken = 9;
	struct curve_bad_files bad;
	void *d = dealer(s, &s->clients[0], &s->server);
	assert_int_equal(rights_of(s, d, WAIT_MS), CURVE_CHECK | CURVE_FEED);
	allow(s, "new", &s->clients[2], CURVE_CHECK);
	assert_int_equal(curve_gate_reload(s->gate, &taken, &bad, NULL), OK);
	assert_int_equal(taken, 0);
	void *other = dealer(s, &s->clients[2], &s->server);
	assert_int_equal(rights_of(s, other, WAIT_MS), CURVE_CHECK);
	forbid(s, "api");
	uint64_t ended = peers_count_cut(PEERS_KEY);
	assert_int_equal(curve_gate_reload(s->gate, &taken, &bad, NULL), OK);
	assert_int_equal(taken, 1);
	/* its connection is gone, and only that one */
	assert_int_equal(peers_count_cut(PEERS_KEY), ended + 1);
	assert_int_equal(rights_of(s, other, WAIT_MS), CURVE_CHECK);
	assert_int_equal(rights_of(s, d, 300), -1);
}

/* Of one that has said nothing yet it is not known which key it has. */
static void a_silent_connection_ends_and_comes_back(void **state) {
	struct site *s = *state;
	unsigned taken = 0;
	struct curve_bad_files bad;
	void *d = dealer(s, &s->clients[0], &s->server);
	for (int i = 0; i < WAIT_MS && peers_connected() == 0; i++) usleep(1000);
	forbid(s, "mirror");
	uint64_t ended = peers_count_cut(PEERS_KEY);
	assert_int_equal(curve_gate_reload(s->gate, &taken, &bad, NULL), OK);
	assert_int_equal(taken, 1);
	assert_int_equal(peers_count_cut(PEERS_KEY), ended + 1);
	assert_int_equal(rights_of(s, d, WAIT_MS), CURVE_CHECK | CURVE_FEED);
}

static void write_file(const struct site *s, const char *name, const char *text) {
	char path[PATH_SIZE];
	path_of(s, name, path);
	(void)unlink(path);
	FILE *f = fopen(path, "w");
	assert_non_null(f);
	(void)fputs(text, f);
	(void)fclose(f);
}

/* Each name for itself: a key that was taken out is out, whatever another file says. */
static void a_bad_file_keeps_its_own_key_alone(void **state) {
	struct site *s = *state;
	unsigned taken = 0;
	struct curve_bad_files bad;
	void *mirror = dealer(s, &s->clients[1], &s->server);
	allow(s, "mirror", &s->clients[1], CURVE_CHECK);
	assert_int_equal(curve_gate_reload(s->gate, &taken, &bad, NULL), OK);
	zsocket_close(&mirror);
	s->dealer_count--;
	mirror = dealer(s, &s->clients[1], &s->server);
	void *api = dealer(s, &s->clients[0], &s->server);
	assert_int_equal(rights_of(s, api, WAIT_MS), CURVE_CHECK | CURVE_FEED);
	assert_int_equal(rights_of(s, mirror, WAIT_MS), CURVE_CHECK);
	write_file(s, "allowed/mirror.pub", "public nonsense\nmay check\n");
	write_file(s, "allowed/stranger.pub", "may check\n");
	write_file(s, "allowed/no name.pub", "");
	forbid(s, "api");
	allow(s, "new", &s->clients[2], CURVE_CHECK);
	assert_int_equal(curve_gate_reload(s->gate, &taken, &bad, NULL), OK);
	assert_int_equal(taken, 1);
	assert_int_equal(bad.count, 3);
	assert_int_equal(curve_gate_clients(s->gate), 2);
	assert_int_equal(rights_of(s, mirror, WAIT_MS), CURVE_CHECK);
	assert_int_equal(rights_of(s, dealer(s, &s->clients[2], &s->server), WAIT_MS), CURVE_CHECK);
	assert_int_equal(rights_of(s, api, 300), -1);
	/* taken out at last, it goes as well */
	forbid(s, "mirror");
	assert_int_equal(curve_gate_reload(s->gate, &taken, &bad, NULL), OK);
	assert_int_equal(taken, 1);
	assert_int_equal(rights_of(s, mirror, 300), -1);
}

static void a_key_under_two_names_is_whose_it_was(void **state) {
	struct site *s = *state;
	unsigned taken = 0;
	struct curve_bad_files bad;
	allow(s, "aaa", &s->clients[0], CURVE_CONTROL); /* before "api" by name */
	allow(s, "mirror", &s->clients[0], CURVE_CONTROL);
	allow(s, "new", &s->clients[2], CURVE_CHECK);
	allow(s, "newer", &s->clients[2], CURVE_FEED);
	assert_int_equal(curve_gate_reload(s->gate, &taken, &bad, NULL), OK);
	assert_int_equal(bad.count, 3);
	assert_non_null(strstr(bad.why[0].text, "aaa and api have the same key"));
	assert_int_equal(taken, 0);
	assert_int_equal(curve_gate_clients(s->gate), 3); /* api, mirror with its last key, new */
	assert_int_equal(rights_of(s, dealer(s, &s->clients[0], &s->server), WAIT_MS), CURVE_CHECK | CURVE_FEED);
	assert_int_equal(rights_of(s, dealer(s, &s->clients[2], &s->server), WAIT_MS), CURVE_CHECK);
	/* its own file gone, the key is the other's */
	forbid(s, "api");
	assert_int_equal(curve_gate_reload(s->gate, &taken, &bad, NULL), OK);
	assert_int_equal(taken, 1);
	assert_int_equal(curve_gate_clients(s->gate), 3); /* aaa, mirror, new */
}

static void bad_files_are_named(void **state) {
	struct site *s = *state;
	char text[200];
	unsigned taken = 0;
	struct curve_bad_files bad;
	struct curve_clients *clients = NULL;
	struct problem why = {0};
	(void)snprintf(text, sizeof text, "public %s\nmay everything\n", s->clients[2].public_text);
	write_file(s, "allowed/bad.pub", text);
	assert_int_equal(curve_gate_reload(s->gate, &taken, &bad, &why), OK);
	assert_int_equal(bad.count, 1);
	assert_non_null(strstr(bad.why[0].text, "bad.pub:2: 'everything'"));
	assert_int_equal(curve_gate_clients(s->gate), 2);
	/* who starts takes nothing for granted */
	assert_int_equal(curve_clients_load(s->scratch.dir, &clients, &why), ERR_CONFIG);
	assert_non_null(strstr(why.text, "bad.pub:2: 'everything'"));
	allow(s, "bad", &s->clients[0], CURVE_CHECK);
	assert_int_equal(curve_clients_load(s->scratch.dir, &clients, &why), ERR_CONFIG);
	assert_non_null(strstr(why.text, "api and bad have the same key"));
}

static void local_endpoints_ask_for_no_key(void **state) {
	struct site *s = *state;
	struct endpoints list = {.count = 1, .at = {"tcp://127.0.0.1:*"}};
	zsocket_close(&s->router);
	assert_int_equal(zsocket_create(s->context, ZMQ_ROUTER, NULL, &s->router, NULL), OK);
	assert_int_equal(curve_gate_bind_all(s->gate, CURVE_CHECK, s->router, &list, s->at, NULL), OK);
	void *d = dealer(s, NULL, NULL);
	assert_int_equal(rights_of(s, d, WAIT_MS), (1 << CURVE_RIGHT_COUNT) - 1);
}

static void without_keys_only_local_endpoints(void **state) {
	struct site *s = *state;
	const struct endpoints list = {.count = 1, .at = {"tcp://0.0.0.0:*"}};
	struct problem why = {0};
	void *r = NULL;
	assert_int_equal(zsocket_create(s->context, ZMQ_ROUTER, NULL, &r, NULL), OK);
	assert_int_equal(curve_gate_bind_all(NULL, CURVE_CHECK, r, &list, NULL, &why), ERR_CONFIG);
	assert_non_null(strstr(why.text, "CURVE_DIR"));
	assert_int_equal(zsocket_connect(r, "tcp://192.0.2.1:8721", &why), ERR_CONFIG);
	zsocket_close(&r);
}

static void secrets_are_for_their_owner(void **state) {
	struct site *s = *state;
	char path[PATH_SIZE];
	struct curve_pair pair;
	struct problem why = {0};
	path_of(s, "server.key", path);
	assert_int_equal(curve_pair_write(path, &s->server, true, 0, &why), ERR_EXISTS);
	assert_int_equal(chmod(path, 0640), 0);
	assert_int_equal(curve_pair_read(path, true, &pair, &why), ERR_CONFIG);
	assert_non_null(strstr(why.text, "chmod 600"));
	assert_null(strstr(why.text, s->server.secret_text));
	assert_int_equal(chmod(path, 0600), 0);
	assert_int_equal(curve_pair_read(path, false, &pair, &why), ERR_CONFIG);
	assert_int_equal(curve_pair_read(path, true, &pair, &why), OK);
	assert_string_equal(pair.secret_text, s->server.secret_text);
}

int main(void) {
	const struct CMUnitTest tests[] = {
#define TEST(f) cmocka_unit_test_setup_teardown(f, set_up, tear_down)
		TEST(an_allowed_key_gets_in_with_its_rights),
		TEST(a_key_without_the_right_is_refused_and_named),
		TEST(a_strange_key_is_refused),
		TEST(no_key_and_a_wrong_server_are_told_of),
		TEST(who_knocks_often_hides_nobody),
		TEST(a_key_that_is_taken_out_is_out_at_once),
		TEST(a_silent_connection_ends_and_comes_back),
		TEST(a_bad_file_keeps_its_own_key_alone),
		TEST(a_key_under_two_names_is_whose_it_was),
		TEST(bad_files_are_named),
		TEST(local_endpoints_ask_for_no_key),
		TEST(without_keys_only_local_endpoints),
		TEST(secrets_are_for_their_owner),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
