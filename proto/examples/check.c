/* May SUBJECT use FEATURE?   check tcp://127.0.0.1:8721 alice live_trading   (libczmq-dev, libmsgpack-dev)
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

/* 0: allowed, 1: denied, 2: refused or not understood. */
static int judge(msgpack_object answer) {
	msgpack_object allowed = get(answer, "allowed");
	if (allowed.type != MSGPACK_OBJECT_BOOLEAN) return 2;
	printf("%s ", allowed.via.boolean ? "allowed" : "denied");
	msgpack_object_print(stdout, get(answer, "reason"));
	puts("");
	return allowed.via.boolean ? 0 : 1;
}

int main(int argc, char **argv) {
	if (argc != 4) return 64;
	zsock_t *query = zsock_new_req(argv[1]);
	if (!query) return 64;
	zsock_set_rcvtimeo(query, 1000); /* milliseconds; a REQ waits for ever without it */
	zsock_set_linger(query, 0);

	const char *ask[] = {"op", "check", "id", "1", "sub", argv[2], "feat", argv[3]};
	msgpack_sbuffer out = {0};
	msgpack_packer packer = {&out, msgpack_sbuffer_write};
	msgpack_pack_map(&packer, 4);
	for (int i = 0; i < 8; i++) put(&packer, ask[i]);
	zsock_send(query, "sb", "TG01", out.data, out.size);

	char *version = NULL;
	byte *reply = NULL;
	size_t size = 0;
	msgpack_unpacked answer = {0};
	int result = 69; /* no answer */
	if (zsock_recv(query, "sb", &version, &reply, &size) == 0 &&
	    msgpack_unpack_next(&answer, (char *)reply, size, NULL) == MSGPACK_UNPACK_SUCCESS)
		result = judge(answer.data);

	msgpack_unpacked_destroy(&answer);
	msgpack_sbuffer_destroy(&out);
	free(reply);
	zstr_free(&version);
	zsock_destroy(&query);
	return result;
}
