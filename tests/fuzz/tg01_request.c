/* Laws: the id is found without reading the rest; a request that is read can be written, and reads back as what was
 * written. */
#include "proto/tg01.h"

#include "fuzz.h"

static struct view rewrite(const struct tg01_request *r, uint8_t *out) {
	struct writer w = writer_of(out, TG01_MESSAGE_MAX);
	tg01_request_write(&w, r);
	return writer_view(&w);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
	static struct tg01_decoder *d; /* reused, as a server does: state that leaks between requests shows */
	static uint8_t first[TG01_MESSAGE_MAX], second[TG01_MESSAGE_MAX];
	if (!d && !(d = tg01_decoder_create())) return 0;
	struct tg01_request r;
	struct tg01_failure why;
	struct tg01_id id, again;
	tg01_request_id(d, view_of(data, size), &id);
	if (!tg01_request_read(d, view_of(data, size), &r, &why)) {
		FUZZ_MUST(why.text[0] && why.code < TG01_CODE_COUNT);
		return 0;
	}
	tg01_request_id(d, view_of(data, size), &again);
	FUZZ_MUST(id.kind == r.id.kind && again.kind == r.id.kind);
	FUZZ_MUST(r.id.kind == TG01_ID_NUMBER ? id.number == r.id.number : view_eq(id.text, r.id.text));
	/* a message may use longer forms than we write, never shorter ones; only `max` is added where it was absent */
	struct view a = rewrite(&r, first);
	if (!a.len) return 0;
	FUZZ_MUST(tg01_request_read(d, a, &r, &why));
	FUZZ_MUST(view_eq(rewrite(&r, second), a));
	return 0;
}
