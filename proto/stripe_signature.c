#include "proto/stripe_signature.h"

#include "base/hex.h"
#include "base/parse.h"

/* Cuts the next element off, without its comma. */
static struct view cut(struct view *rest) {
	size_t n = 0;
	while (n < rest->len && rest->ptr[n] != ',') n++;
	struct view element = view_of(rest->ptr, n);
	size_t step = n < rest->len ? n + 1 : n;
	*rest = view_of(rest->ptr + step, rest->len - step);
	return element;
}

static bool take_time(struct stripe_signature *s, struct view text) {
	uint64_t t;
	if (s->t_text.len || !parse_u64(text, INT64_MAX, &t)) return false;
	s->t = (int64_t)t;
	s->t_text = text;
	return true;
}

static bool take_v1(struct stripe_signature *s, struct view text) {
	uint8_t mac[STRIPE_MAC_SIZE];
	if (!hex_decode(text, mac, sizeof mac)) return true; /* junk is nobody's signature */
	if (s->count == STRIPE_SIGNATURES_MAX) return false;
	memcpy(s->v1[s->count++], mac, sizeof mac);
	return true;
}

static bool take(struct stripe_signature *s, struct view element) {
	static const struct view t = VIEW_INIT("t="), v1 = VIEW_INIT("v1=");
	if (view_starts(element, t)) return take_time(s, view_of(element.ptr + t.len, element.len - t.len));
	if (view_starts(element, v1)) return take_v1(s, view_of(element.ptr + v1.len, element.len - v1.len));
	return true;
}

enum error stripe_signature_parse(struct view header, struct stripe_signature *ret_s) {
	struct stripe_signature s = {.count = 0};

	if (header.len > SIGNATURE_HEADER_MAX) return ERR_BAD_HEADER;
	for (size_t i = 0; i < header.len; i++)
		if (header.ptr[i] <= ' ' || header.ptr[i] > '~') return ERR_BAD_HEADER;
	while (header.len)
		if (!take(&s, cut(&header))) return ERR_BAD_HEADER;
	if (!s.t_text.len || !s.count) return ERR_BAD_HEADER;
	*ret_s = s;
	return OK;
}
