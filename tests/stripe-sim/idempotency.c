/* Idempotency keys (https://docs.stripe.com/api/idempotent_requests): the first answer to a key is the answer to it for
 * a day. What was refused before anything was done is not kept. */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

#include "edge_private.h"
#include "map.h"

#define KEY_MAX 255 /* Stripe's limit */
#define NAME_ROOM (KEY_MAX + ACCOUNT_MAX + 2)

struct entry {
	char name[NAME_ROOM];
	char request_id[40];
	uint64_t fingerprint;
	int64_t until;
	unsigned status;
	char *text; /* NULL: the request is being handled */
	bool used;
};

struct keys {
	struct map *by_name; /* → struct entry; only grows, so it is made anew now and then */
	size_t put;
	struct entry at[KEYS_MAX];
	size_t next;
};

struct keys *keys_create(void) {
	struct keys *k = calloc(1, sizeof *k);
	if (k && !(k->by_name = map_create())) keys_destroy(&k);
	return k;
}

void keys_forget(struct keys *k) {
	for (size_t i = 0; i < KEYS_MAX; i++) {
		free(k->at[i].text);
		k->at[i] = (struct entry){.used = false};
	}
	map_destroy(&k->by_name);
	k->by_name = map_create();
	k->put = k->next = 0;
}

void keys_destroy(struct keys **pk) {
	if (!pk || !*pk) return;
	for (size_t i = 0; i < KEYS_MAX; i++) free((*pk)->at[i].text);
	map_destroy(&(*pk)->by_name);
	free(*pk);
	*pk = NULL;
}

static void name_of(const struct sim_request *r, char out[NAME_ROOM]) {
	(void)snprintf(out, NAME_ROOM, "%s\n%.255s", r->account, r->idempotency_key);
}

static uint64_t fingerprint_of(const struct sim_request *r) {
	char *dump = json_dumps(r->params, JSON_COMPACT | JSON_SORT_KEYS);
	uint64_t h = view_hash(HASH_SEED, view_str(r->method));
	h = view_hash(h, view_str(r->path));
	h = view_hash(h, view_str(dump));
	free(dump);
	return h;
}

static struct entry *find(const struct keys *k, const char *name) {
	struct entry *e = map_get(k->by_name, name);
	return e && e->used && strcmp(e->name, name) == 0 ? e : NULL;
}

/* Only what is alive is taken over. */
static void renew_map(struct keys *k) {
	struct map *fresh = map_create();
	if (!fresh) return;
	for (size_t i = 0; i < KEYS_MAX; i++)
		if (k->at[i].used) (void)map_put(fresh, k->at[i].name, &k->at[i]);
	map_destroy(&k->by_name);
	k->by_name = fresh;
	k->put = 0;
}

/* In the place of the oldest. */
static void begin(struct keys *k, const struct sim_request *r, const char *name, uint64_t fingerprint) {
	struct entry *e = find(k, name);
	if (!e) {
		e = &k->at[k->next];
		k->next = (k->next + 1) % KEYS_MAX;
	}
	free(e->text);
	*e = (struct entry){.fingerprint = fingerprint, .until = r->sim->main.now + KEY_LIVES, .used = true};
	(void)snprintf(e->name, sizeof e->name, "%s", name);
	(void)snprintf(e->request_id, sizeof e->request_id, "%s", r->request_id);
	if (++k->put > (size_t)2 * KEYS_MAX) renew_map(k);
	e->used = map_put(k->by_name, name, e);
}

static bool conflict(struct sim_request *r, unsigned status, const char *code, const char *message) {
	(void)refuse(r, status, code, NULL, "%s", message);
	r->error.type = status == 400 ? "idempotency_error" : "invalid_request_error";
	return false;
}

bool keys_replay(struct keys *k, struct sim_request *r, unsigned *ret_status, char **ret_text) {
	char name[NAME_ROOM];
	if (strlen(r->idempotency_key) > KEY_MAX)
		return conflict(r, 400, NULL, "Idempotency-Key: must be at most 255 characters.");
	name_of(r, name);
	uint64_t fingerprint = fingerprint_of(r);
	const struct entry *e = find(k, name);
	if (!e || e->until <= r->sim->main.now) {
		begin(k, r, name, fingerprint);
		return false;
	}
	if (e->fingerprint != fingerprint)
		return conflict(
			r, 400, NULL,
			"Keys for idempotent requests can only be used with the same parameters they were first used "
			"with. Try using a key other than the one you first used.");
	if (!e->text)
		return conflict(r, 409, "idempotency_key_in_use",
				"There is currently another in-progress request using this Idempotent Key.");
	char *text = strdup(e->text);
	if (!text) return false;
	*ret_status = e->status;
	*ret_text = text;
	return true;
}

void keys_remember(struct keys *k, struct sim_request *r, unsigned status, const char *text) {
	char name[NAME_ROOM];
	name_of(r, name);
	struct entry *e = find(k, name);
	if (!e || strcmp(e->request_id, r->request_id) != 0) return;
	bool kept = status < 400 || status == 402;
	e->text = kept ? strdup(text) : NULL;
	e->status = status;
	e->used = e->text != NULL;
}
