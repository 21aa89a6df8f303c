#include "proto/state_parts.h"

enum change_flag {
	CHANGE_KNOWN = 1 << 0,
	CHANGE_STALE = 1 << 1,
	CHANGE_UNMAPPED = 1 << 2,
	CHANGE_FLAGS_END = 1 << 3,
};

void change_write(struct writer *w, const struct change *c) {
	unsigned flags = 0;
	if (c->known) flags |= CHANGE_KNOWN;
	if (c->stale) flags |= CHANGE_STALE;
	if (c->unmapped) flags |= CHANGE_UNMAPPED;
	write_u8(w, STATE_VERSION);
	write_varint(w, c->prev);
	write_zigzag(w, c->at_ms);
	write_u8(w, (uint8_t)c->cause);
	write_u8(w, c->scope.livemode);
	write_string(w, c->scope.account, ACCOUNT_MAX);
	write_string(w, c->subject, SUBJECT_MAX);
	write_string(w, c->event, STRIPE_ID_MAX);
	write_string(w, c->before, NAME_MAX_BYTES);
	write_string(w, c->after, NAME_MAX_BYTES);
	write_u8(w, (uint8_t)c->reason);
	write_u8(w, (uint8_t)c->rule);
	write_u8(w, (uint8_t)c->status);
	write_zigzag(w, c->until);
	write_zigzag(w, c->changes_at);
	write_varint(w, c->seats);
	write_zigzag(w, c->next_billing);
	write_u8(w, (uint8_t)flags);
	write_string(w, c->blocked_tier, NAME_MAX_BYTES);
	write_u8(w, (uint8_t)c->blocked_reason);
	write_string(w, c->subscription, STRIPE_ID_MAX);
	if (c->also_count > TIERS_MAX) {
		w->failed = true;
		return;
	}
	write_varint(w, c->also_count);
	for (unsigned i = 0; i < c->also_count; i++) write_string(w, c->also[i], NAME_MAX_BYTES);
}

/* A number below `end`; else the reader fails. */
static unsigned read_below(struct reader *r, unsigned end) {
	uint8_t n = read_u8(r);
	if (n >= end) r->failed = true;
	return n;
}

enum error change_read(uint64_t ver, struct view bytes, struct change *ret_c) {
	struct reader r = reader_of(bytes);
	enum error e = read_version(&r);
	if (e) return e;
	struct change c = {.ver = ver, .prev = read_varint(&r)};
	c.at_ms = read_zigzag(&r);
	c.cause = (enum change_cause)read_below(&r, CHANGE_CATALOG + 1);
	c.scope.livemode = read_below(&r, 2);
	c.scope.account = read_string(&r, ACCOUNT_MAX);
	c.subject = read_string(&r, SUBJECT_MAX);
	c.event = read_string(&r, STRIPE_ID_MAX);
	c.before = read_string(&r, NAME_MAX_BYTES);
	c.after = read_string(&r, NAME_MAX_BYTES);
	c.reason = (enum reason)read_below(&r, REASON_COUNT);
	c.rule = (enum rule)read_below(&r, RULE_COUNT);
	c.status = (enum sub_status)read_below(&r, SUB_STATUS_COUNT);
	c.until = read_zigzag(&r);
	c.changes_at = read_zigzag(&r);
	c.seats = read_varint(&r);
	c.next_billing = read_zigzag(&r);
	unsigned flags = read_below(&r, CHANGE_FLAGS_END);
	c.known = flags & CHANGE_KNOWN;
	c.stale = flags & CHANGE_STALE;
	c.unmapped = flags & CHANGE_UNMAPPED;
	c.blocked_tier = read_string(&r, NAME_MAX_BYTES);
	c.blocked_reason = (enum reason)read_below(&r, REASON_COUNT);
	c.subscription = read_string(&r, STRIPE_ID_MAX);
	uint64_t also = read_varint(&r);
	if (r.failed || also > TIERS_MAX) return ERR_MALFORMED;
	c.also_count = (unsigned)also;
	for (unsigned i = 0; i < c.also_count; i++) c.also[i] = read_string(&r, NAME_MAX_BYTES);
	if (!reader_done(&r)) return ERR_MALFORMED;
	*ret_c = c;
	return OK;
}
