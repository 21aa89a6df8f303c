#include "proto/state_parts.h"

void change_write(struct writer *w, const struct change *c) {
	write_u8(w, STATE_VERSION);
	write_zigzag(w, c->at_ms);
	write_u8(w, c->scope.livemode);
	write_string(w, c->scope.account, ACCOUNT_MAX);
	write_string(w, c->subject, SUBJECT_MAX);
	write_string(w, c->event, STRIPE_ID_MAX);
	write_string(w, c->before, NAME_MAX_BYTES);
	write_string(w, c->after, NAME_MAX_BYTES);
	write_u8(w, (uint8_t)c->reason);
	write_u8(w, (uint8_t)c->status);
	write_zigzag(w, c->until);
}

enum error change_read(uint64_t ver, struct view bytes, struct change *ret_c) {
	struct reader r = reader_of(bytes);
	enum error e = read_version(&r);
	if (e) return e;
	struct change c = {.ver = ver, .at_ms = read_zigzag(&r)};
	uint8_t livemode = read_u8(&r);
	c.scope.livemode = livemode == 1;
	c.scope.account = read_string(&r, ACCOUNT_MAX);
	c.subject = read_string(&r, SUBJECT_MAX);
	c.event = read_string(&r, STRIPE_ID_MAX);
	c.before = read_string(&r, NAME_MAX_BYTES);
	c.after = read_string(&r, NAME_MAX_BYTES);
	uint8_t reason = read_u8(&r), status = read_u8(&r);
	c.until = read_zigzag(&r);
	if (!reader_done(&r) || livemode > 1 || reason >= REASON_COUNT || status >= SUB_STATUS_COUNT)
		return ERR_MALFORMED;
	c.reason = (enum reason)reason;
	c.status = (enum sub_status)status;
	*ret_c = c;
	return OK;
}
