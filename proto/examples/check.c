/* May SUBJECT use FEATURE?   check tcp://127.0.0.1:8721 alice live_trading   (libczmq-dev, libmsgpack-dev)
 * With - for SUBJECT: asks about each line of standard input. libtiergate does all of this, and keeps a cache.
 * cc check.c $(pkg-config --cflags --libs libczmq) -lmsgpackc -o check */
#include <czmq.h>
#include <msgpack.h>

static void put(msgpack_packer *to, const char *text) { msgpack_pack_str_with_body(to, text, strlen(text)); }

/* The value of a key; nil when it is not there, or when `map` is no map. */
static msgpack_object get(msgpack_object map, const char *key) {
	for (uint32_t i = 0; map.type == MSGPACK_OBJECT_MAP && i < map.via.map.size; i++) {
		msgpack_object_str k = map.via.map.ptr[i].key.via.str;
		if (map.via.map.ptr[i].key.type == MSGPACK_OBJECT_STR && k.size == strlen(key) &&
		    !memcmp(k.ptr, key, k.size))
			return map.via.map.ptr[i].val;
	}
	return (msgpack_object){.type = MSGPACK_OBJECT_NIL};
}

static void show(const char *word, msgpack_object first, msgpack_object second) {
	printf("%s %.*s %.*s\n", word, (int)first.via.str.size, first.via.str.ptr, (int)second.via.str.size,
	       second.via.str.ptr);
	fflush(stdout);
}

/* Prints an answer, or an error. True: it may be worth asking again, and nothing was printed. */
static bool judge(msgpack_object answer, bool last) {
	msgpack_object allowed = get(answer, "allowed"), err = get(answer, "err"), retry = get(err, "retry");
	if (retry.type == MSGPACK_OBJECT_BOOLEAN && retry.via.boolean && !last) return true;
	if (allowed.type == MSGPACK_OBJECT_BOOLEAN)
		show(allowed.via.boolean ? "allowed" : "denied", get(answer, "reason"), get(answer, "tier"));
	else
		show("error", get(err, "code"), get(err, "msg"));
	return false;
}

/* A socket that may ask again when no answer came, takes no late one for the next, and connects again by itself. */
static zsock_t *connect_to(const char *endpoint) {
	zsock_t *query = zsock_new(ZMQ_REQ);
	zsock_set_req_relaxed(query, 1);
	zsock_set_req_correlate(query, 1);
	zsock_set_immediate(query, 1);   /* keeps nothing back for a server that is not there */
	zsock_set_sndtimeo(query, 1000); /* milliseconds; it waits for ever without them */
	zsock_set_rcvtimeo(query, 1000);
	zsock_set_linger(query, 0);
	if (zsock_connect(query, "%s", endpoint) != 0) zsock_destroy(&query);
	return query;
}

/* True: no answer, or one that says that another try may help. */
static bool try_it(zsock_t *query, const char *subject, const char *feature, bool last) {
	const char *ask[] = {"op", "check", "id", "1", "sub", subject, "feat", feature};
	msgpack_sbuffer out = {0};
	msgpack_packer packer = {&out, msgpack_sbuffer_write};
	msgpack_pack_map(&packer, 4);
	for (int i = 0; i < 8; i++) put(&packer, ask[i]);
	char *version = NULL;
	byte *reply = NULL;
	size_t size = 0;
	msgpack_unpacked answer = {0};
	bool again = zsock_send(query, "sb", "TG01", out.data, out.size) != 0 ||
		     zsock_recv(query, "sb", &version, &reply, &size) != 0 ||
		     msgpack_unpack_next(&answer, (char *)reply, size, NULL) != MSGPACK_UNPACK_SUCCESS;
	if (!again) again = judge(answer.data, last);
	msgpack_unpacked_destroy(&answer);
	msgpack_sbuffer_destroy(&out);
	free(reply);
	zstr_free(&version);
	return again;
}

static void may(zsock_t *query, const char *subject, const char *feature) {
	int tries = 3;
	while (tries > 0 && try_it(query, subject, feature, tries == 1)) tries--;
	if (tries == 0) puts("error timeout no answer"), fflush(stdout); /* never a yes */
}

int main(int argc, char **argv) {
	char line[300];
	zsock_t *query = argc == 4 ? connect_to(argv[1]) : NULL;
	if (!query) return 64;
	if (!streq(argv[2], "-")) may(query, argv[2], argv[3]);
	while (streq(argv[2], "-") && fgets(line, sizeof line, stdin)) {
		line[strcspn(line, "\n")] = '\0';
		may(query, line, argv[3]);
	}
	zsock_destroy(&query);
	return 0;
}
