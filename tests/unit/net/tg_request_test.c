#include "net/tg_request.h"

#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>

#include <cmocka.h>
#include <zmq.h>

/* A server for one test: answers as it is told, with the envelope untouched. */
enum behaviour { ANSWER, REFUSE, OTHER_ID, OTHER_VERSION, EXTRA_FRAME, GARBAGE, SILENT_ONCE };

struct fake {
	void *context;
	void *socket;
	char endpoint[ENDPOINT_MAX];
	pthread_t thread;
	enum behaviour behaviour;
};

static void respond(struct fake *f, struct view message) {
	static struct tg01_decoder *d;
	if (!d) d = tg01_decoder_create();
	struct tg01_request r;
	struct tg01_failure why;
	uint8_t bytes[512];
	struct writer w = writer_of(bytes, sizeof bytes);
	if (!tg01_request_read(d, message, &r, &why)) return;
	const struct tg01_source source = {7, 9, 1000, 0};
	const struct tg01_answer a = {
		.allowed = true, .reason = VIEW("active"), .tier = VIEW("pro"), .status = VIEW("active")};
	if (f->behaviour == OTHER_ID) r.id.number++;
	if (f->behaviour == REFUSE)
		tg01_error_write(&w, &r.id, TG01_NOT_READY, VIEW("wait"));
	else
		tg01_answer_write(&w, &r.id, &source, &a);
	zmq_send(f->socket, f->behaviour == OTHER_VERSION ? "TG02" : "TG01", 4, ZMQ_SNDMORE);
	if (f->behaviour == GARBAGE)
		zmq_send(f->socket, "\xc1", 1, 0);
	else
		zmq_send(f->socket, bytes, writer_view(&w).len, f->behaviour == EXTRA_FRAME ? ZMQ_SNDMORE : 0);
	if (f->behaviour == EXTRA_FRAME) zmq_send(f->socket, "", 0, 0);
}

static void *run(void *ctx) {
	struct fake *f = ctx;
	bool silent = f->behaviour == SILENT_ONCE;
	for (;;) {
		char frames[8][1024];
		int sizes[8] = {0}, n = 0, more = 1;
		size_t size = sizeof more;
		while (more && n < 8) {
			sizes[n] = zmq_recv(f->socket, frames[n], sizeof frames[n], 0);
			if (sizes[n] < 0) return NULL; /* the context ends */
			n++;
			zmq_getsockopt(f->socket, ZMQ_RCVMORE, &more, &size);
		}
		if (silent) {
			silent = false;
			continue;
		}
		for (int i = 0; i < n - 2; i++) zmq_send(f->socket, frames[i], (size_t)sizes[i], ZMQ_SNDMORE);
		respond(f, view_of(frames[n - 1], (size_t)sizes[n - 1]));
	}
	return NULL;
}

static void start(struct fake *f, enum behaviour b) {
	*f = (struct fake){.behaviour = b};
	assert_int_equal(zcontext_create(&f->context, NULL), OK);
	const struct zsocket_limits limits = {.receive_timeout_ms = 20000};
	assert_int_equal(zsocket_create(f->context, ZMQ_ROUTER, &limits, &f->socket, NULL), OK);
	assert_int_equal(zsocket_bind(f->socket, "tcp://127.0.0.1:0", f->endpoint, NULL), OK);
	assert_int_equal(pthread_create(&f->thread, NULL, run, f), 0);
}

static void stop(struct fake *f) {
	zcontext_shutdown(f->context);
	pthread_join(f->thread, NULL);
	zsocket_close(&f->socket);
	zcontext_destroy(&f->context);
}

static struct tg_client *client(struct fake *f, int timeout_ms) {
	struct tg_client_options o = {.context = f->context, .timeout_ms = timeout_ms};
	assert_int_equal(endpoints_parse(view_str(f->endpoint), &o.endpoints, NULL), OK);
	struct tg_client *c = NULL;
	assert_int_equal(tg_client_create(&o, &c, NULL), OK);
	return c;
}

static const struct tg01_request question = {.op = TG01_CHECK,
					     .ask = {.sub = VIEW_INIT("u"), .tier = VIEW_INIT("pro")}};

static void one_question(enum behaviour b, enum error want, struct tg01_reply *ret_reply) {
	struct fake f;
	start(&f, b);
	struct tg_client *c = client(&f, 10000);
	struct problem why = {0};
	assert_int_equal(tg_client_ask(c, &question, ret_reply, &why), want);
	if (want) assert_true(why.text[0]);
	tg_client_destroy(&c);
	assert_null(c);
	stop(&f);
}

static void asks(void **state) {
	(void)state;
	struct tg01_reply r = {0};
	one_question(ANSWER, OK, &r);
	assert_false(r.failed);
	assert_true(r.of.answer.allowed);
	assert_int_equal(r.source.ver, 9);
}

static void tells_a_refusal(void **state) {
	(void)state;
	struct tg01_reply r = {0};
	one_question(REFUSE, OK, &r);
	assert_true(r.failed && r.retry);
	assert_int_equal(r.code, TG01_NOT_READY);
}

static void believes_no_stranger(void **state) {
	(void)state;
	struct tg01_reply r = {0};
	one_question(OTHER_ID, ERR_MALFORMED, &r);
	one_question(OTHER_VERSION, ERR_VERSION, &r);
	one_question(EXTRA_FRAME, ERR_MALFORMED, &r);
	one_question(GARBAGE, ERR_MALFORMED, &r);
}

static void goes_on_after_silence(void **state) {
	(void)state;
	struct fake f;
	start(&f, SILENT_ONCE);
	struct tg_client *c = client(&f, 300);
	struct tg01_reply r = {0};
	assert_int_equal(tg_client_ask(c, &question, &r, NULL), ERR_TIMEOUT);
	enum error e = ERR_TIMEOUT; /* a slow machine may need longer than one timeout */
	for (int i = 0; i < 30 && e; i++) e = tg_client_ask(c, &question, &r, NULL);
	assert_int_equal(e, OK);
	tg_client_destroy(&c);
	stop(&f);
}

static void says_that_nobody_is_there(void **state) {
	(void)state;
	void *context = NULL;
	assert_int_equal(zcontext_create(&context, NULL), OK);
	struct tg_client_options o = {.context = context, .timeout_ms = 50};
	assert_int_equal(endpoints_parse(VIEW("ipc:///tmp/tiergate-nobody-here"), &o.endpoints, NULL), OK);
	struct tg_client *c = NULL;
	assert_int_equal(tg_client_create(&o, &c, NULL), OK);
	struct tg01_reply r;
	struct problem why = {0};
	assert_int_equal(tg_client_ask(c, &question, &r, &why), ERR_UNAVAILABLE);
	assert_string_equal(why.text, "nobody answers at ipc:///tmp/tiergate-nobody-here");
	tg_client_destroy(&c);
	tg_client_destroy(&c);
	o.timeout_ms = 0;
	assert_int_equal(tg_client_create(&o, &c, NULL), ERR_USAGE);
	zcontext_destroy(&context);
}

int main(void) {
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(asks),
		cmocka_unit_test(tells_a_refusal),
		cmocka_unit_test(believes_no_stranger),
		cmocka_unit_test(goes_on_after_silence),
		cmocka_unit_test(says_that_nobody_is_there),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
