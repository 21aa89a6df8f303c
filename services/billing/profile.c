#include "profile.h"

#include <stdio.h>
#include <stdlib.h>

#include "base/parse.h"

/* ---- asking --------------------------------------------------------------------------------- */

enum { ASKED, CAME, LEFT };

/* Two threads meet here: the one that asked, and the client's, if it must ask somebody. Who comes second goes on. */
struct meeting {
	struct note note;
	struct billing *b;
	atomic_int stage;
	struct ask *ask; /* NULL: it was refused meanwhile */
	void (*then)(struct ask *a, enum tg_status status, struct tg_profile *p);
	enum tg_status status;
	struct tg_profile profile;
};

static void meeting_end(struct meeting *m) {
	if (m->ask) m->then(m->ask, m->status, &m->profile);
	tg_profile_free(&m->profile);
	free(m);
}

static void on_loop(struct note *n) {
	struct meeting *m = (struct meeting *)n;
	if (m->ask) ask_adopt(m->ask, ASK_DEADLINE_MS);
	meeting_end(m);
}

static void came(void *ctx, enum tg_status status, struct tg_profile *p) {
	struct meeting *m = ctx;
	m->status = status;
	m->profile = *p;
	if (atomic_exchange(&m->stage, CAME) == LEFT) inbox_post(m->b->inbox, &m->note);
}

static void leave(struct meeting *m) {
	if (!ask_reserve(m->ask)) {
		ask_refuse(m->ask, REFUSAL_UNAVAILABLE, "too many requests are under way");
		m->ask = NULL;
	} else {
		http_keep(m->ask->request);
	}
	if (atomic_exchange(&m->stage, LEFT) == CAME) inbox_post(m->b->inbox, &m->note);
}

void profile_of(struct ask *a, void (*then)(struct ask *a, enum tg_status status, struct tg_profile *p)) {
	if (a->kept) {
		ask_profile_known(a, then);
		return;
	}
	struct meeting *m = calloc(1, sizeof *m);
	if (!m) {
		ask_refuse(a, REFUSAL_INTERNAL, NULL);
		return;
	}
	m->b = a->b;
	m->ask = a;
	m->then = then;
	m->note.run = on_loop;
	atomic_init(&m->stage, ASKED);
	tg_get_async(a->b->tiers, a->who.subject, false, came, m);
	if (atomic_load(&m->stage) == CAME)
		meeting_end(m);
	else
		leave(m);
}

bool profile_failed(struct ask *a, enum tg_status status, const struct tg_profile *p) {
	if (status == TG_OK || (status == TG_FALLBACK && p->as.source == TG_FROM_LAST_KNOWN)) return false;
	log_warn(&a->b->service.log, log_ev("no_profile"), kv_i64("status", (int64_t)status), kv_str("why", p->as.why),
		 kv_str("request", a->request_id));
	ask_refuse(a, REFUSAL_UNAVAILABLE, "the tier service cannot be asked, and nothing is known of this subject");
	return true;
}

/* ---- telling ---------------------------------------------------------------------------------- */

json_t *time_json(int64_t seconds) {
	char text[RFC3339_SIZE];
	if (seconds <= 0) return json_null();
	format_rfc3339(seconds, text);
	return json_string(text);
}

static const char *source_name(const struct tg_answer *a) {
	return a->source == TG_FROM_SERVER ? "server" : a->source == TG_FROM_CACHE ? "cache" : "last_known";
}

static json_t *feature_list(const struct tg_profile *p) {
	json_t *list = json_array();
	for (size_t i = 0; i < p->feature_count; i++) json_array_append_new(list, json_string(p->features[i]));
	return list;
}

bool profile_say(json_t *o, const struct ask *a, const struct tg_profile *p) {
	const struct tg_answer *as = &p->as;
	char epoch[17];
	(void)snprintf(epoch, sizeof epoch, "%016llx", (unsigned long long)as->epoch);
	bool old = as->source == TG_FROM_LAST_KNOWN;
	return !json_object_set_new(o, "subject", json_string(a->who.subject)) &&
	       !json_object_set_new(o, "tier", json_string(as->tier)) &&
	       !json_object_set_new(o, "status", json_string(as->status)) &&
	       !json_object_set_new(o, "reason", json_string(as->reason)) &&
	       !json_object_set_new(o, "features", feature_list(p)) &&
	       !json_object_set_new(o, "until", time_json(as->until)) &&
	       !json_object_set_new(o, "stale", json_boolean(as->stale || old)) &&
	       !json_object_set_new(o, "answered_from", json_string(source_name(as))) &&
	       !json_object_set_new(o, "as_of", time_json(as->as_of_ms / 1000)) &&
	       !json_object_set_new(o, "age_s", json_integer(as->age_ms > 0 ? as->age_ms / 1000 : 0)) &&
	       !json_object_set_new(o, "ver", json_integer((json_int_t)as->ver)) &&
	       !json_object_set_new(o, "epoch", json_string(epoch));
}
