/* POST confirm-checkout-session {session_id} → {state, tier, ver}. Back from checkout: the session is handed to the
 * reconciler, so that a late or lost webhook keeps no payer out, and the answer comes when the store has what was
 * bought, or after CONFIRM_MS. Nothing here grants anything: `activated` is what query says. */
#include "open_sessions.h"
#include "service/clock.h"
#include "shop_private.h"

#define CONFIRM_MS 2000
#define LOOK_MS 100
#define CALLS_EACH 3 /* of Stripe's API, usually */
#define SESSION "/v1/checkout/sessions/{id}?expand[]=line_items"

struct confirmation {
	struct visit v;
	int64_t until_ms;
	int bought; /* the tier that the session sells; -1: the catalog knows none of it */
	char session[STRIPE_ID_MAX], customer[STRIPE_ID_MAX];
	char tier[NAME_MAX_BYTES + 1]; /* what query said last */
	uint64_t ver;
	bool asking; /* query */
	bool handed; /* to the reconciler */
};

static void answer(struct confirmation *c, const char *state) {
	struct view tier = c->tier[0] ? view_str(c->tier) : ask_catalog(c->v.ask)->tiers[0].name;
	ask_answer(
		c->v.ask, 200,
		json_pack("{s:s, s:s%, s:I}", "state", state, "tier", tier.ptr, tier.len, "ver", (json_int_t)c->ver));
}

/* ---- what the store has -------------------------------------------------------------------------- */

static bool has_it(const struct confirmation *c, const struct tg_profile *p) {
	const char *status = p->as.status;
	bool runs = strcmp(status, "active") == 0 || strcmp(status, "trialing") == 0;
	if (c->bought < 0) return runs;
	return runs && catalog_tier(ask_catalog(c->v.ask), view_str(p->as.tier)) >= c->bought;
}

static void look(struct visit *v);

/* Query is looked at all along, and so it does not matter whether it could. */
static void handed(struct ask *a, bool done) {
	struct confirmation *c = visit_of(a);
	if (done && !c->asking) visit_timer(&c->v, 0, look);
}

static void got_profile(struct ask *a, enum tg_status status, const struct tg_profile *p) {
	struct confirmation *c = visit_of(a);
	c->asking = false;
	if (status == TG_OK) {
		copy_text(c->tier, sizeof c->tier, p->as.tier);
		c->ver = p->as.ver;
		if (has_it(c, p)) {
			details_expire(c->v.shop->details, ask_subject(a));
			if (c->customer[0]) open_sessions_expire(c->v.shop, ask_subject(a), c->customer, KEEP_NONE);
			answer(c, "activated");
			return;
		}
	}
	int64_t left = c->until_ms - mono_ms();
	visit_timer(&c->v, left < LOOK_MS ? (left > 0 ? left : 0) : LOOK_MS, look);
	if (c->handed) return;
	c->handed = true;
	ask_reconcile(a, c->session, handed);
}

static void look(struct visit *v) {
	struct confirmation *c = (struct confirmation *)v;
	int64_t left = c->until_ms - mono_ms();
	if (left <= 0) {
		details_expire(v->shop->details, ask_subject(v->ask));
		answer(c, "activating");
		return;
	}
	visit_timer(v, left, look); /* should query not answer */
	c->asking = true;
	ask_profile(v->ask, got_profile);
}

/* ---- the session --------------------------------------------------------------------------------- */

/* Whose it is, as billing wrote it; also of a session that the platform made itself with the same reference. */
static bool is_own(const struct confirmation *c, const json_t *session) {
	const char *subject = ask_subject(c->v.ask);
	const json_t *reference = json_object_get(session, "client_reference_id");
	if (json_is_string(reference)) return strcmp(json_string_value(reference), subject) == 0;
	return text_is(json_object_get(session, "metadata"), c->v.shop->metadata_key, subject);
}

static int tier_of(const struct catalog *catalog, const json_t *session) {
	const json_t *items = data_of(json_object_get(session, "line_items"));
	int best = -1;
	for (size_t i = 0; i < json_array_size(items); i++) {
		const json_t *price = json_object_get(json_array_get(items, i), "price");
		struct item item = {.price = view_str(text_of(price, "id")),
				    .product = view_str(id_of(price, "product")),
				    .lookup_key = view_str(text_of(price, "lookup_key"))};
		int tier = catalog_item_tier(catalog, &item);
		if (tier > best) best = tier;
	}
	return best;
}

static void got_session(struct ask *a, const struct stripe_answer *s) {
	struct confirmation *c = visit_of(a);
	bool none = s->outcome == STRIPE_MISSING || strcmp(stripe_error_code(s), "resource_missing") == 0;
	if (!none && visit_failed(&c->v, s)) return;
	if (none || !is_own(c, s->body)) {
		ask_refuse(a, REFUSAL_NOT_FOUND, NULL);
		return;
	}
	bool complete = text_is(s->body, "status", "complete"), unpaid = text_is(s->body, "payment_status", "unpaid");
	if (!complete || unpaid) {
		answer(c, text_is(s->body, "status", "expired") ? "expired" : "unpaid");
		return;
	}
	copy_text(c->customer, sizeof c->customer, id_of(s->body, "customer"));
	c->bought = tier_of(ask_catalog(a), s->body);
	c->asking = true;
	visit_timer(&c->v, c->until_ms - mono_ms(), look);
	ask_profile(a, got_profile);
}

static bool is_session(const char *id) {
	size_t n = strlen(id);
	if (n < 4 || n >= STRIPE_ID_MAX || strncmp(id, "cs_", 3) != 0) return false;
	return strspn(id, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_") == n;
}

static void start(struct ask *a) {
	char room[STRIPE_PATH_MAX];
	struct writer w = writer_of(room, sizeof room);
	bool bad = false;
	struct confirmation *c = visit_begin(a, sizeof *c);
	if (!c) return;
	const char *id = ask_text(a, "session_id", &bad);
	if (bad) return;
	if (!id || !is_session(id)) {
		ask_refuse(a, REFUSAL_BAD_REQUEST, "session_id is the id of a checkout session, cs_…");
		return;
	}
	c->until_ms = mono_ms() + CONFIRM_MS;
	c->bought = -1;
	copy_text(c->session, sizeof c->session, id);
	stripe_path(&w, SESSION, view_str(id));
	ask_add_calls(a, CALLS_EACH); /* counted, and never a reason to let one wait who has paid */
	ask_get(a, stripe_text_end(&w), got_session);
}

static const char *const fields[] = {"session_id", NULL};

const struct action confirm_checkout_session = {.method = HTTP_POST,
						.path = API "confirm-checkout-session",
						.fields = fields,
						.per_minute = DEAR_PER_MINUTE,
						.start = start};
