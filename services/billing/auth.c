#include "auth.h"

#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <strings.h>
#include <unistd.h>

#include "net/web_get.h"
#include "token_cache.h"

struct auth {
	struct auth_options o;
	struct token_rules rules;
	bool symmetric, remote;
	struct token_cache *cache;
	pthread_rwlock_t lock; /* of the two below */
	struct keyring *keys;
	uint64_t generation;
	/* the loop's */
	struct web_get *get;
	int64_t due_ms, unknown_ms, retry_ms;
	bool asked_for_unknown;
};

/* ---- any thread ------------------------------------------------------------------------ */

enum token_fault auth_judge(struct auth *a, struct view token, int64_t now_s, struct identity *ret_who,
			    bool *ret_cached) {
	uint8_t hash[TOKEN_HASH_SIZE];
	if (token.len > TOKEN_MAX) return TOKEN_TOO_LARGE;
	if (!token_hash(token, hash)) return TOKEN_NO_KEYS;
	pthread_rwlock_rdlock(&a->lock);
	uint64_t generation = a->generation;
	*ret_cached = token_cache_find(a->cache, hash, generation, ret_who);
	enum token_fault fault =
		*ret_cached ? token_judge_time(ret_who, now_s) : token_judge(token, &a->rules, a->keys, now_s, ret_who);
	pthread_rwlock_unlock(&a->lock);
	if (!*ret_cached && fault == TOKEN_FINE) token_cache_add(a->cache, hash, generation, ret_who);
	return fault;
}

unsigned auth_key_count(struct auth *a) {
	pthread_rwlock_rdlock(&a->lock);
	unsigned n = a->keys ? keyring_count(a->keys) : 0;
	pthread_rwlock_unlock(&a->lock);
	return n;
}

bool auth_is_remote(const struct auth *a) { return a->remote; }

/* ---- keys ------------------------------------------------------------------------------ */

static enum error take(struct auth *a, struct view text, struct problem *why) {
	struct keyring *fresh = NULL;
	enum error e = keyring_parse(text, a->symmetric, &fresh, why);
	if (e) return e;
	pthread_rwlock_wrlock(&a->lock);
	struct keyring *old = a->keys;
	a->keys = fresh;
	a->generation++; /* what the old ones verified means nothing any more */
	pthread_rwlock_unlock(&a->lock);
	keyring_destroy(&old);
	return OK;
}

static enum error read_file(struct auth *a, struct problem *why) {
	int fd = open(a->o.keys, O_RDONLY | O_CLOEXEC);
	char *text = fd < 0 ? NULL : malloc(KEYRING_TEXT_MAX + 1);
	size_t n = 0;
	ssize_t got = text ? 1 : -1;
	while (got > 0 && n <= KEYRING_TEXT_MAX) {
		got = read(fd, text + n, KEYRING_TEXT_MAX + 1 - n);
		if (got > 0) n += (size_t)got;
	}
	enum error e = OK;
	struct problem detail = {0};
	if (fd < 0 || got < 0)
		e = problem_set(why, ERR_CONFIG, "%.100s: %s", a->o.keys, strerror(errno));
	else if ((e = take(a, view_of(text, n), &detail)))
		e = problem_set(why, ERR_CONFIG, "%.100s: %.120s", a->o.keys, problem_text(&detail));
	free(text);
	if (fd >= 0) close(fd);
	return e;
}

/* ---- the loop ----------------------------------------------------------------------------- */

static void fetched(void *ctx, enum error e, struct view body, const struct problem *got) {
	struct auth *a = ctx;
	struct problem why = *got;
	if (!e) e = take(a, body, &why);
	if (e) {
		a->due_ms = -1; /* auth_run sets it from retry_ms */
	} else {
		a->retry_ms = 0;
		a->due_ms = -1;
	}
	a->o.settled(a->o.ctx, !e, e ? &why : NULL);
	if (e) a->retry_ms = a->retry_ms ? a->retry_ms * 2 : AUTH_RETRY_FIRST_MS;
	if (a->retry_ms > AUTH_RETRY_MS) a->retry_ms = AUTH_RETRY_MS;
}

static void fetch(struct auth *a, int64_t now_ms) {
	struct problem why = {0};
	a->due_ms = now_ms + AUTH_RETRY_MS;
	if (!web_get_start(a->get, a->o.keys, AUTH_FETCH_MS, fetched, a, &why)) return;
	a->o.settled(a->o.ctx, false, &why);
}

bool auth_learn(struct auth *a, int64_t now_ms) {
	if (!a->remote) return false;
	if (web_get_busy(a->get)) return true;
	if (a->asked_for_unknown && now_ms - a->unknown_ms < AUTH_UNKNOWN_MS) return false;
	a->asked_for_unknown = true;
	a->unknown_ms = now_ms;
	fetch(a, now_ms);
	return web_get_busy(a->get);
}

enum error auth_reload(struct auth *a, struct problem *why) {
	if (!a->remote) return read_file(a, why);
	a->due_ms = 0;
	return OK;
}

int auth_fd(const struct auth *a) { return a->remote ? web_get_fd(a->get) : -1; }

int64_t auth_wait_ms(const struct auth *a, int64_t now_ms, int64_t most) {
	if (!a->remote) return most;
	int64_t wait = web_get_wait_ms(a->get, most);
	if (web_get_busy(a->get)) return wait;
	int64_t due = a->due_ms < 0 ? 0 : a->due_ms - now_ms;
	return due < 0 ? 0 : due < wait ? due : wait;
}

void auth_run(struct auth *a, int64_t now_ms) {
	if (!a->remote) return;
	web_get_run(a->get);
	if (web_get_busy(a->get)) return;
	if (a->due_ms < 0) a->due_ms = now_ms + (a->retry_ms ? a->retry_ms : AUTH_REFRESH_MS);
	if (now_ms >= a->due_ms) fetch(a, now_ms);
}

/* ---- its life ------------------------------------------------------------------------------- */

static bool any_symmetric(uint32_t algorithms) {
	for (unsigned i = 0; i < ALGORITHM_COUNT; i++)
		if (algorithms & UINT32_C(1) << i && algorithm_kind((enum algorithm)i) == KEY_SYMMETRIC) return true;
	return false;
}

static enum error open_keys(struct auth *a, struct problem *why) {
	a->symmetric = any_symmetric(a->rules.algorithms);
	a->remote = strncasecmp(a->o.keys, "https://", 8) == 0 || strncasecmp(a->o.keys, "http://", 7) == 0;
	if (!a->remote) return read_file(a, why);
	if (a->symmetric)
		return problem_set(why, ERR_CONFIG,
				   "secret keys (HS256 and the like) come from a file, not from %.100s", a->o.keys);
	enum error e = web_url_check(a->o.keys, why);
	return e ? e : web_get_create(KEYRING_TEXT_MAX, &a->get, why);
}

enum error auth_create(const struct auth_options *o, struct auth **ret_a, struct problem *why) {
	struct auth *a = calloc(1, sizeof *a);
	if (!a) return problem_set(why, ERR_MEMORY, "out of memory");
	a->o = *o;
	a->rules = (struct token_rules){.issuer = o->issuer, .audience = o->audience};
	pthread_rwlock_init(&a->lock, NULL);
	a->cache = token_cache_create();
	enum error e = a->cache ? algorithms_parse(o->algorithms, &a->rules.algorithms, why)
				: problem_set(why, ERR_MEMORY, "out of memory");
	if (!e) e = open_keys(a, why);
	if (e)
		auth_destroy(&a);
	else
		*ret_a = a;
	return e;
}

void auth_destroy(struct auth **pointer) {
	struct auth *a = pointer ? *pointer : NULL;
	if (!a) return;
	web_get_destroy(&a->get);
	keyring_destroy(&a->keys);
	token_cache_destroy(&a->cache);
	pthread_rwlock_destroy(&a->lock);
	free(a);
	*pointer = NULL;
}
