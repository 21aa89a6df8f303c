#include "private.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>

#define TIMEOUT_MS 1000
#define TIMEOUT_MAX_MS 60000
#define MAX_AGE_MS 5000
#define AGE_MAX_MS (INT64_C(365) * 24 * 3600 * 1000)
#define CACHE_BYTES ((size_t)256 << 20)
#define CACHE_BYTES_MIN ((size_t)1 << 20)
#define CACHE_BYTES_MAX ((size_t)1 << 38)

static int wrong(struct problem *why, const char *text) {
	(void)problem_set(why, ERR_USAGE, "%s", text);
	return EINVAL;
}

static int errno_of(enum error e) {
	if (e == ERR_NOT_FOUND) return ENOENT;
	if (e == ERR_MEMORY) return ENOMEM;
	return EINVAL;
}

static int read_endpoints(const struct tg_options *o, struct settings *s, struct problem *why) {
	if (!o->query || !*o->query) return wrong(why, "options.query names no server");
	enum error e = endpoints_parse(view_str(o->query), &s->query, why);
	if (!e && o->feed) e = endpoints_parse(view_str(o->feed), &s->feed, why);
	if (e) return errno_of(e);
	for (unsigned i = 0; i < s->query.count; i++)
		if (strncmp(s->query.at[i], "inproc:", 7) == 0)
			return wrong(why, "inproc:// reaches no server from here");
	if (s->query.count > TG_SERVERS_MAX) return wrong(why, "more servers than TG_SERVERS_MAX");
	if (o->feed && s->feed.count != s->query.count)
		return wrong(why, "feed must name one feed for each server of query, in the same order");
	return 0;
}

static bool needs_keys(const struct endpoints *list, const char **ret_which) {
	for (unsigned i = 0; i < list->count; i++) {
		*ret_which = list->at[i];
		if (!endpoint_is_local(list->at[i])) return true;
	}
	return false;
}

static enum error read_servers(const char *dir, const struct endpoints *list, struct curve_pair *ret_keys,
			       struct problem *why) {
	enum error e = OK;
	for (unsigned i = 0; i < list->count && !e; i++)
		if (!endpoint_is_local(list->at[i])) e = curve_server_read(dir, list->at[i], &ret_keys[i], why);
	return e;
}

const struct curve_pair *tgc_key_of(const struct settings *s, const char *endpoint) {
	for (unsigned i = 0; i < s->query.count; i++)
		if (strcmp(s->query.at[i], endpoint) == 0) return &s->query_keys[i];
	for (unsigned i = 0; i < s->feed.count; i++)
		if (strcmp(s->feed.at[i], endpoint) == 0) return &s->feed_keys[i];
	return NULL;
}

static int read_keys(const struct tg_options *o, struct settings *s, struct problem *why) {
	char path[4096];
	const char *which = "";
	bool needed = needs_keys(&s->query, &which) || needs_keys(&s->feed, &which);
	if (!needed) return 0;
	if (!o->curve_dir) {
		(void)problem_set(why, ERR_CONFIG,
				  "%.80s is not local: name a directory with client.key and server.pub (curve_dir)",
				  which);
		return EINVAL;
	}
	if (strlen(o->curve_dir) > sizeof path - 32) return wrong(why, "options.curve_dir is too long");
	(void)snprintf(path, sizeof path, "%s/client.key", o->curve_dir);
	errno = 0;
	enum error e = curve_pair_read(path, true, &s->mine, why);
	if (!e) e = read_servers(o->curve_dir, &s->query, s->query_keys, why);
	if (!e) e = read_servers(o->curve_dir, &s->feed, s->feed_keys, why);
	s->has_keys = !e;
	return !e ? 0 : errno == EACCES ? EACCES : errno_of(e);
}

static int between(int value, int fallback, int least, int most, int *ret) {
	if (value == 0) value = fallback;
	*ret = value;
	return value < least || value > most ? EINVAL : 0;
}

static int read_numbers(const struct tg_options *o, struct settings *s, struct problem *why) {
	s->cache_bytes = o->cache_bytes ? o->cache_bytes : CACHE_BYTES;
	s->preload = o->preload;
	if (between(o->timeout_ms, TIMEOUT_MS, 1, TIMEOUT_MAX_MS, &s->timeout_ms))
		return wrong(why, "options.timeout_ms is 1 to 60000");
	int quarter = s->timeout_ms < 4 ? 1 : s->timeout_ms / 4;
	if (between(o->hedge_ms, quarter, 1, TIMEOUT_MAX_MS, &s->hedge_ms))
		return wrong(why, "options.hedge_ms is 1 to 60000");
	if (between(o->max_age_ms, MAX_AGE_MS, 1, 24 * 3600 * 1000, &s->max_age_ms))
		return wrong(why, "options.max_age_ms is 1 to a day");
	if (s->cache_bytes < CACHE_BYTES_MIN || s->cache_bytes > CACHE_BYTES_MAX)
		return wrong(why, "options.cache_bytes is 1 MiB to 256 GiB");
	if (o->preload && !o->feed) return wrong(why, "options.preload needs options.feed");
	if (!o->account) return 0;
	if (strlen(o->account) > ACCOUNT_MAX) return wrong(why, "options.account is too long");
	memcpy(s->account, o->account, strlen(o->account) + 1);
	return 0;
}

static int by_name(const void *a, const void *b) {
	return strcmp(((const struct policy *)a)->name, ((const struct policy *)b)->name);
}

static int read_policy(const struct tg_policy *from, struct policy *to, struct problem *why) {
	*to = (struct policy){.outage = from->outage, .max_age_ms = from->max_age_ms};
	if (from->name && (!*from->name || strlen(from->name) > NAME_MAX_BYTES))
		return wrong(why, "a policy's name has 1 to 80 bytes, or is NULL for all that are not named");
	if ((unsigned)from->outage > TG_LAST_KNOWN || from->max_age_ms < 0 || from->max_age_ms > AGE_MAX_MS)
		return wrong(why, "a policy is deny, allow or last_known, and its max_age_ms at most a year");
	if (from->name) memcpy(to->name, from->name, strlen(from->name) + 1);
	return 0;
}

static int read_policies(const struct tg_options *o, struct settings *s, struct problem *why) {
	if (o->policy_count > TG_POLICIES_MAX) return wrong(why, "more policies than TG_POLICIES_MAX");
	if (o->policy_count == 0) return 0;
	if (!o->policies) return wrong(why, "options.policies is NULL, and policy_count is not 0");
	s->policies = calloc(o->policy_count, sizeof *s->policies);
	if (!s->policies) {
		(void)problem_set(why, ERR_MEMORY, "no memory");
		return ENOMEM;
	}
	bool has_fallback = false;
	for (size_t i = 0; i < o->policy_count; i++) {
		struct policy p;
		int e = read_policy(&o->policies[i], &p, why);
		if (e) return e;
		s->remembers |= p.outage == TG_LAST_KNOWN;
		if (p.name[0]) {
			s->policies[s->policy_count++] = p;
			continue;
		}
		if (has_fallback) return wrong(why, "two policies without a name");
		has_fallback = true;
		s->fallback = p;
	}
	qsort(s->policies, s->policy_count, sizeof *s->policies, by_name);
	for (size_t i = 1; i < s->policy_count; i++)
		if (by_name(&s->policies[i - 1], &s->policies[i]) == 0)
			return wrong(why, "two policies of the same name");
	return 0;
}

int tgc_settings_read(const struct tg_options *o, struct settings *ret_s, struct problem *why) {
	int e = read_endpoints(o, ret_s, why);
	if (!e) e = read_numbers(o, ret_s, why);
	if (!e) e = read_policies(o, ret_s, why);
	if (!e) e = read_keys(o, ret_s, why);
	return e;
}

void tgc_settings_finish(struct settings *s) {
	free(s->policies);
	curve_pair_forget(&s->mine);
	*s = (struct settings){0};
}

const struct policy *tgc_policy(const struct settings *s, const char *name) {
	size_t low = 0, high = s->policy_count;
	while (low < high) {
		size_t middle = (low + high) / 2;
		int order = strcmp(name, s->policies[middle].name);
		if (order == 0) return &s->policies[middle];
		if (order < 0)
			high = middle;
		else
			low = middle + 1;
	}
	return &s->fallback;
}
