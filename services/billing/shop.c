#include <stdio.h>
#include <stdlib.h>

#include "service/clock.h"
#include "shop_private.h"
#include "url_allowed.h"

/* The views point into s->rules_text. The public URL is always the first. */
static enum error read_rules(struct shop *s, const char *list, struct problem *why) {
	size_t public_len = strlen(s->public_url);
	if (asprintf(&s->rules_text, "%s;%s", s->public_url, list ? list : "") < 0) {
		s->rules_text = NULL;
		return ERR_MEMORY;
	}
	for (const char *at = s->rules_text; at;) {
		const char *end = strchr(at, ';');
		struct view rule = view_of(at, end ? (size_t)(end - at) : strlen(at));
		at = end ? end + 1 : NULL;
		if (rule.len == 0) continue;
		if (s->rule_count == SHOP_URLS_MAX || rule.len >= SHOP_URL_MAX)
			return problem_set(why, ERR_CONFIG, "more than %d return URLs, or one of over %d bytes",
					   SHOP_URLS_MAX - 1, SHOP_URL_MAX - 1);
		enum error e = url_rule_check(rule, why);
		if (e) return e;
		s->rules[s->rule_count++] = rule;
	}
	bool right = public_len && s->rule_count;
	return right ? OK : problem_set(why, ERR_CONFIG, "the public URL is missing");
}

static enum error take_options(struct shop *s, const struct shop_options *o, struct problem *why) {
	s->livemode = o->livemode;
	s->log = o->log;
	s->ports = o->ports;
	size_t n = strlen(o->public_url);
	while (n && o->public_url[n - 1] == '/') n--;
	if (n >= sizeof s->public_url || strlen(o->metadata_key) >= sizeof s->metadata_key)
		return problem_set(why, ERR_CONFIG, "the public URL or the metadata key is too long");
	(void)snprintf(s->public_url, sizeof s->public_url, "%.*s", (int)n, o->public_url);
	(void)snprintf(s->metadata_key, sizeof s->metadata_key, "%s", o->metadata_key);
	return read_rules(s, o->return_urls, why);
}

enum error shop_create(const struct shop_options *o, struct shop **ret_s, struct problem *why) {
	struct shop *s = calloc(1, sizeof *s);
	if (!s) return ERR_MEMORY;
	enum error e = take_options(s, o, why);
	if (!e) {
		s->flights = flights_create();
		s->price_store = price_store_create();
		s->details = details_create(s);
		s->open_sessions = open_sessions_create();
		if (!s->open_sessions || !s->flights || !s->price_store || !s->details) e = ERR_MEMORY;
	}
	if (e)
		shop_destroy(&s);
	else
		*ret_s = s;
	return e;
}

void shop_destroy(struct shop **ps) {
	struct shop *s = ps ? *ps : NULL;
	if (!s) return;
	*ps = NULL;
	open_sessions_destroy(&s->open_sessions);
	details_destroy(&s->details);
	price_store_destroy(&s->price_store);
	flights_destroy(&s->flights);
	free(s->rules_text);
	free(s);
}

/* One that is due; its timer may end any visit, and so the list is begun anew after each. */
static struct visit *due_visit(const struct shop *s, int64_t now_ms) {
	for (struct visit *v = s->timed; v; v = v->timed_after)
		if (v->due_ms <= now_ms) return v;
	return NULL;
}

static void fire(struct visit *v) {
	void (*timer)(struct visit * v) = v->timer;
	v->due_ms = INT64_MAX; /* it stays in the list, silent, until it is set again or the visit ends */
	timer(v);
}

void shop_run(struct shop *s, int64_t now_ms) {
	for (struct visit *v; (v = due_visit(s, now_ms));) fire(v);
	flights_run(s, now_ms);
	details_run(s->details, now_ms);
}

int64_t shop_wait_ms(const struct shop *s, int64_t now_ms, int64_t most) {
	int64_t due = flights_due_ms(s), other = details_due_ms(s->details);
	if (other < due) due = other;
	for (const struct visit *v = s->timed; v; v = v->timed_after)
		if (v->due_ms < due) due = v->due_ms;
	if (due == INT64_MAX) return most;
	int64_t wait = due > now_ms ? due - now_ms : 0;
	return wait < most ? wait : most;
}

struct details_cache *shop_details(struct shop *s) {
	return s->details;
}
