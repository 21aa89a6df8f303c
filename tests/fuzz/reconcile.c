/* The first byte says which message of the reconciler's socket it is. Law: what is accepted and can be written again
 * reads back as the same. */
#include "proto/reconcile.h"

#include "fuzz.h"

static uint8_t out[RECONCILE_MESSAGE_MAX];

static void request(struct view m) {
	struct reconcile_request r;
	uint64_t id;
	if (reconcile_request_read(m, &r, &id, NULL) != OK) return;
	FUZZ_MUST(id == r.id);
	struct writer w = writer_of(out, sizeof out);
	reconcile_request_write(&w, &r);
	struct reconcile_request back;
	FUZZ_MUST(reconcile_request_read(writer_view(&w), &back, &id, NULL) == OK);
	FUZZ_MUST(back.op == r.op && back.dry == r.dry && back.full == r.full && back.fetch.kind == r.fetch.kind);
	FUZZ_MUST(view_eq(back.fetch.id, r.fetch.id) && view_eq(back.scope.account, r.scope.account));
}

static void reply(struct view m) {
	struct reconcile_reply r;
	if (reconcile_reply_read(m, &r, NULL) != OK) return;
	struct writer w = writer_of(out, sizeof out);
	reconcile_reply_write(&w, &r);
	struct reconcile_reply back;
	FUZZ_MUST(reconcile_reply_read(writer_view(&w), &back, NULL) == OK);
	FUZZ_MUST(back.say == r.say && back.code == r.code && back.id == r.id);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
	if (size == 0) return 0;
	struct view m = view_of(data + 1, size - 1);
	if (data[0] % 2)
		reply(m);
	else
		request(m);
	return 0;
}
