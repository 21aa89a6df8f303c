/* GET entitlements: what the caller may use, in one answer for a whole page. */
#include <stdio.h>

#include "profile.h"

/* Of what it says, and not of `ver`, which moves with every subject's events: so it holds as long as the answer does.
 * Weak, since as_of and the like differ. */
static void make_tag(const struct ask *a, const struct tg_profile *p, char tag[32]) {
	const char *const texts[] = {a->who.subject, p->as.tier, p->as.status, p->as.reason};
	uint64_t h = hash_u64(HASH_SEED, ask_catalog(a)->hash);
	h = hash_u64(h, p->as.epoch);
	h = hash_u64(h, (uint64_t)p->as.until);
	h = hash_u64(h, (uint64_t)(p->as.source == TG_FROM_LAST_KNOWN) << 1 |
				p->as.stale); /* server or cache is one to the caller */
	for (size_t i = 0; i < ARRAY_LEN(texts); i++)
		h = view_hash(h, view_of(texts[i], strlen(texts[i]) + 1)); /* with its NUL, which ends it */
	for (size_t i = 0; i < p->feature_count; i++)
		h = view_hash(h, view_of(p->features[i], strlen(p->features[i]) + 1));
	(void)snprintf(tag, 32, "W/\"%016llx\"", (unsigned long long)h);
}

static void answer(struct ask *a, enum tg_status status, struct tg_profile *p) {
	char tag[32];
	if (profile_failed(a, status, p)) return;
	make_tag(a, p, tag);
	json_t *o = json_object();
	/* copied: counting references to what threads share is not theirs to do */
	json_t *tiers = json_deep_copy(catalog_held_tiers(a->catalog));
	if (json_object_set_new(o, "tiers", tiers) || !profile_say(o, a, p)) {
		json_decref(o);
		o = NULL;
	}
	ask_answer_tagged(a, tag, o);
}

static void start(struct ask *a) { profile_of(a, answer); }

const struct action entitlements = {
	.method = HTTP_GET, .path = API "entitlements", .store_only = true, .start = start, .at_once = start};
