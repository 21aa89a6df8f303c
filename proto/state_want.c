#include "proto/state_parts.h"

static const char *const sentences[] = {
#define X(symbol, sentence) [symbol] = sentence,
	WANT_WHY_TABLE(X)
#undef X
};

const char *want_sentence(enum want_why w) { return sentences[w < WANT_WHY_COUNT ? w : WANT_LINK]; }

size_t want_key(const struct scope *scope, const struct fetch *f, uint8_t *out) {
	struct writer w = writer_of(out, STATE_KEY_MAX);
	if (f->kind <= FETCH_NOTHING || f->kind >= FETCH_COUNT || f->id.len == 0 || f->id.len > STRIPE_ID_MAX) return 0;
	scope_write(&w, scope);
	write_u8(&w, (uint8_t)f->kind);
	write_bytes(&w, f->id);
	return writer_view(&w).len;
}

enum error want_key_parse(struct view key, struct scope *ret_scope, struct fetch *ret_f) {
	struct reader r = reader_of(key);
	struct scope scope;
	if (!scope_read(&r, &scope)) return ERR_MALFORMED;
	uint8_t kind = read_u8(&r);
	struct view id = read_bytes(&r, reader_left(&r));
	if (kind <= FETCH_NOTHING || kind >= FETCH_COUNT || id.len == 0 || id.len > STRIPE_ID_MAX) return ERR_MALFORMED;
	*ret_scope = scope;
	*ret_f = (struct fetch){(enum fetch_kind)kind, id};
	return OK;
}

void want_write(struct writer *w, const struct want *x) {
	write_u8(w, STATE_VERSION);
	write_zigzag(w, x->since_ms);
	write_zigzag(w, x->after);
	write_string(w, x->event, STRIPE_ID_MAX);
	write_u8(w, (uint8_t)x->why);
}

enum error want_read(struct view bytes, struct want *ret_w) {
	struct reader r = reader_of(bytes);
	struct want x = {0};
	enum error e = read_version(&r);
	if (e) return e;
	x.since_ms = read_zigzag(&r);
	x.after = read_zigzag(&r);
	x.event = read_string(&r, STRIPE_ID_MAX);
	uint8_t why = read_u8(&r);
	if (!reader_done(&r) || why >= WANT_WHY_COUNT) return ERR_MALFORMED;
	x.why = (enum want_why)why;
	*ret_w = x;
	return OK;
}
