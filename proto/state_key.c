#include "proto/state_parts.h"

static bool id_fits(struct view id, size_t max) { return id.len > 0 && id.len <= max; }

void scope_write(struct writer *w, const struct scope *scope) {
	write_u8(w, scope->livemode ? 'L' : 'T');
	if (scope->account.len > ACCOUNT_MAX) w->failed = true;
	write_u8(w, (uint8_t)scope->account.len);
	write_bytes(w, scope->account);
}

size_t state_key(const struct scope *scope, struct view id, uint8_t *out) {
	if (!id_fits(id, SUBJECT_MAX)) return 0;
	struct writer w = writer_of(out, STATE_KEY_MAX);
	scope_write(&w, scope);
	write_bytes(&w, id);
	return writer_view(&w).len;
}

size_t state_key_pair_prefix(const struct scope *scope, struct view first, uint8_t *out) {
	if (!id_fits(first, SUBJECT_MAX)) return 0;
	struct writer w = writer_of(out, STATE_KEY_MAX);
	scope_write(&w, scope);
	write_u8(&w, (uint8_t)first.len);
	write_bytes(&w, first);
	return writer_view(&w).len;
}

size_t state_key_pair(const struct scope *scope, struct view first, struct view second, uint8_t *out) {
	size_t n = state_key_pair_prefix(scope, first, out);
	if (n == 0 || !id_fits(second, STRIPE_ID_MAX)) return 0;
	struct writer w = writer_of(out + n, STATE_KEY_MAX - n);
	write_bytes(&w, second);
	return w.failed ? 0 : n + second.len;
}

bool scope_read(struct reader *r, struct scope *scope) {
	uint8_t mode = read_u8(r);
	uint8_t len = read_u8(r);
	if (len > ACCOUNT_MAX || (mode != 'L' && mode != 'T')) return false;
	scope->livemode = mode == 'L';
	scope->account = read_bytes(r, len);
	return !r->failed;
}

enum error state_key_parse(struct view key, struct scope *ret_scope, struct view *ret_id) {
	struct reader r = reader_of(key);
	struct scope scope;
	if (!scope_read(&r, &scope)) return ERR_MALFORMED;
	struct view id = read_bytes(&r, reader_left(&r));
	if (!id_fits(id, SUBJECT_MAX)) return ERR_MALFORMED;
	*ret_scope = scope;
	*ret_id = id;
	return OK;
}

enum error state_key_pair_parse(struct view key, struct scope *ret_scope, struct view *ret_first,
				struct view *ret_second) {
	struct reader r = reader_of(key);
	struct scope scope;
	if (!scope_read(&r, &scope)) return ERR_MALFORMED;
	struct view first = read_bytes(&r, read_u8(&r));
	struct view second = read_bytes(&r, reader_left(&r));
	if (r.failed || !id_fits(first, SUBJECT_MAX) || !id_fits(second, STRIPE_ID_MAX)) return ERR_MALFORMED;
	*ret_scope = scope;
	*ret_first = first;
	*ret_second = second;
	return OK;
}
