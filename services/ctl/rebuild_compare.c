#include "rebuild.h"

#include "base/hex.h"
#include "value.h"

struct compare {
	struct look *other;
	const struct catalog *catalog;
	int64_t now;
	bool only_missing; /* the second way round: what both have was compared in the first */
	uint64_t differing;
	json_t *some;
	enum error failed;
};

static bool same(const struct entitlement *a, const struct entitlement *b) {
	return a->tier == b->tier && a->reason == b->reason && a->until == b->until && a->seats == b->seats;
}

static void note(struct compare *c, const struct scope *scope, struct view subject, const struct entitlement *mine,
		 const struct entitlement *theirs) {
	const struct entitlement *old = c->only_missing ? theirs : mine, *fresh = c->only_missing ? mine : theirs;
	c->differing++;
	if (json_array_size(c->some) == REBUILD_SHOWN_MAX) return;
	json_t *o = json_object();
	json_object_set_new(o, "sub", text_json(subject));
	json_object_set_new(o, "mode", json_string(scope->livemode ? "live" : "test"));
	if (scope->account.len) json_object_set_new(o, "acct", text_json(scope->account));
	json_object_set_new(o, "old", text_json(c->catalog->tiers[old->tier].name));
	json_object_set_new(o, "new", text_json(c->catalog->tiers[fresh->tier].name));
	json_array_append_new(c->some, o);
}

static bool compare_one(void *ctx, const struct scope *scope, struct view subject, struct view row) {
	struct compare *c = ctx;
	struct view other = VIEW_NONE;
	struct entitlement mine, theirs;
	enum error e = look_subject(c->other, scope, subject, &other);
	if (e == ERR_NOT_FOUND) e = OK;
	if (!e && (c->only_missing ? other.len > 0 : view_eq(subject_row_body(row), subject_row_body(other))))
		return true;
	if (!e) e = subject_row_entitlement(row, c->catalog, c->now, &mine);
	if (!e) e = subject_row_entitlement(other, c->catalog, c->now, &theirs);
	c->failed = e;
	if (!e && !same(&mine, &theirs)) note(c, scope, subject, &mine, &theirs);
	return !e;
}

static enum error one_way(struct compare *c, struct look *from, struct look *other) {
	c->other = other;
	enum error e = look_subjects(from, compare_one, c);
	return e ? e : c->failed;
}

static enum error describe(struct store_view *v, json_t **ret_o) {
	struct entitlements_stat stat;
	uint8_t digest[STATE_DIGEST_SIZE];
	char hex[2 * STATE_DIGEST_SIZE + 1];
	enum error e = look_stat(v->look, &stat);
	if (!e) e = look_digest(v->look, digest);
	if (e) return e;
	hex_encode(digest, sizeof digest, hex);
	json_t *o = json_object();
	json_object_set_new(o, "epoch", hex_json(entitlements_epoch(v->store)));
	json_object_set_new(o, "subjects", u64_json(stat.subjects));
	json_object_set_new(o, "digest", json_string(hex));
	*ret_o = o;
	return OK;
}

enum error rebuild_compare(struct store_view *old, struct store_view *fresh, const struct catalog *catalog, int64_t now,
			   json_t *o) {
	struct compare c = {.catalog = catalog, .now = now};
	json_t *was = NULL, *is = NULL;
	enum error e = describe(fresh, &is);
	if (e) return e;
	json_object_set_new(o, "new", is);
	if (!old) return OK;
	e = describe(old, &was);
	if (e) return e;
	json_object_set_new(o, "old", was);
	c.some = json_array();
	e = one_way(&c, old->look, fresh->look);
	c.only_missing = true;
	if (!e) e = one_way(&c, fresh->look, old->look);
	json_object_set_new(o, "differing", u64_json(c.differing));
	json_object_set_new(o, "some", c.some);
	return e;
}
