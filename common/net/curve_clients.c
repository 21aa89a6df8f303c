/* allowed/: the clients of net/curve_keys.h. */
#include "net/curve_keys.h"

#include "base/show.h"

#include <dirent.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <zmq.h>

#define SLOTS (2 * CURVE_CLIENTS_MAX) /* a power of two, at most half full */
_Static_assert((SLOTS & (SLOTS - 1)) == 0, "SLOTS");

struct curve_clients {
	unsigned count;
	struct curve_client *at; /* by name */
	uint16_t slots[SLOTS];   /* by key: index + 1; 0: free */
};
_Static_assert(CURVE_CLIENTS_MAX < UINT16_MAX, "slots");

/* A public key is as good as random already. */
static unsigned slot_of(const uint8_t *key) {
	uint32_t h;
	memcpy(&h, key, sizeof h);
	return h & (SLOTS - 1);
}

/* *ret_slot (may be NULL): where it is, or would be. */
static const struct curve_client *find_key(const struct curve_clients *c, const uint8_t *key, unsigned *ret_slot) {
	const struct curve_client *found = NULL;
	unsigned slot = slot_of(key);
	for (; c->slots[slot] && !found; slot = found ? slot : (slot + 1) & (SLOTS - 1)) {
		const struct curve_client *one = &c->at[c->slots[slot] - 1];
		if (memcmp(one->key, key, CURVE_KEY_SIZE) == 0) found = one;
	}
	if (ret_slot) *ret_slot = slot;
	return found;
}

const struct curve_client *curve_clients_by_key(const struct curve_clients *c, const uint8_t key[CURVE_KEY_SIZE]) {
	return find_key(c, key, NULL);
}

const struct curve_client *curve_clients_by_name(const struct curve_clients *c, struct view name) {
	unsigned low = 0, high = c->count;
	while (low < high) {
		unsigned middle = low + (high - low) / 2;
		int order = view_cmp(view_str(c->at[middle].name), name);
		if (order == 0) return &c->at[middle];
		if (order < 0)
			low = middle + 1;
		else
			high = middle;
	}
	return NULL;
}

unsigned curve_clients_count(const struct curve_clients *c) { return c->count; }
const struct curve_client *curve_clients_at(const struct curve_clients *c, unsigned i) { return &c->at[i]; }

/* The name in "NAME.pub"; empty when the file is something else, such as an editor's copy. */
static struct view name_of(const char *file) {
	size_t n = strlen(file);
	if (n < 5 || strcmp(file + n - 4, ".pub") != 0 || file[0] == '.') return VIEW_NONE;
	return view_of(file, n - 4);
}

bool curve_name_valid(struct view name) {
	if (name.len == 0 || name.len > CURVE_NAME_MAX || name.ptr[0] == '.') return false;
	for (size_t i = 0; i < name.len; i++) {
		char c = name.ptr[i];
		bool good = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '.' ||
			    c == '_' || c == '-';
		if (!good) return false;
	}
	return true;
}

static enum error read_client(const char *dir, const char *file, struct view name, struct curve_client *c,
			      struct problem *why) {
	char path[4096];
	struct curve_pair pair;
	unsigned rights = 0;
	if (!curve_name_valid(name))
		return problem_set(why, ERR_CONFIG, "%s/allowed/%s: a client's name is 1 to %d of A-Z a-z 0-9 . _ -",
				   dir, show_str(file).text, CURVE_NAME_MAX);
	(void)snprintf(path, sizeof path, "%s/allowed/%s", dir, file);
	enum error e = curve_client_read(path, &pair, &rights, why);
	if (e) return e;
	memcpy(c->name, name.ptr, name.len);
	c->name[name.len] = '\0';
	c->rights = rights;
	return zmq_z85_decode(c->key, pair.public_text) ? OK : problem_set(why, ERR_CONFIG, "%s: no key", path);
}

/* What is read, and how strictly. before NULL: the first mistake ends it. */
struct reading {
	const char *dir;
	const struct curve_clients *before;
	struct curve_bad_files *bad;
	struct curve_clients *into;
	struct problem *why;
};

static void tell(struct reading *r, const struct problem *why) {
	if (r->bad->count < ARRAY_LEN(r->bad->why)) r->bad->why[r->bad->count] = *why;
	r->bad->count++;
}

/* A file that was there a moment ago and is not now was taken out. */
static enum error keep_last(struct reading *r, struct view name, enum error e, const struct problem *bad) {
	const struct curve_client *was = curve_clients_by_name(r->before, name);
	if (e == ERR_NOT_FOUND) return OK;
	tell(r, bad);
	if (was) r->into->at[r->into->count++] = *was;
	return OK;
}

static enum error add(struct reading *r, const char *file) {
	struct view name = name_of(file);
	struct problem bad = {0};
	struct curve_clients *c = r->into;
	if (!name.len) return OK;
	if (c->count == CURVE_CLIENTS_MAX)
		return problem_set(r->why, ERR_LIMIT, "%s/allowed: more than %d clients", r->dir, CURVE_CLIENTS_MAX);
	enum error e = read_client(r->dir, file, name, &c->at[c->count], &bad);
	if (!e) {
		c->count++;
		return OK;
	}
	return r->before ? keep_last(r, name, e, &bad) : problem_set(r->why, e, "%s", bad.text);
}

static int by_name(const void *a, const void *b) {
	return strcmp(((const struct curve_client *)a)->name, ((const struct curve_client *)b)->name);
}

/* Whose key it was before; the first by name when it was neither's. */
static bool had_it(const struct reading *r, const struct curve_client *c) {
	const struct curve_client *was = curve_clients_by_name(r->before, view_str(c->name));
	return was && memcmp(was->key, c->key, CURVE_KEY_SIZE) == 0;
}

/* The one that loses a key that it has in common keeps its last, or goes: it has no name then. */
static void lose(struct reading *r, struct curve_client *c) {
	const struct curve_client *was = curve_clients_by_name(r->before, view_str(c->name));
	if (was && !find_key(r->into, was->key, NULL))
		*c = *was;
	else
		c->name[0] = '\0';
}

static void drop_nameless(struct curve_clients *c) {
	unsigned kept = 0;
	for (unsigned i = 0; i < c->count; i++)
		if (c->at[i].name[0]) c->at[kept++] = c->at[i];
	c->count = kept;
}

/* Sorts, and finds a key that stands under two names. With `before` one of them loses it. */
static enum error index_keys(struct reading *r, bool *ret_again) {
	struct curve_clients *c = r->into;
	unsigned losers[CURVE_CLIENTS_MAX], count = 0;
	memset(c->slots, 0, sizeof c->slots);
	if (c->count) qsort(c->at, c->count, sizeof c->at[0], by_name);
	for (unsigned i = 0; i < c->count; i++) {
		unsigned slot = 0;
		const struct curve_client *other = find_key(c, c->at[i].key, &slot);
		struct problem bad = {0};
		if (!other) {
			c->slots[slot] = (uint16_t)(i + 1);
			continue;
		}
		enum error e = problem_set(&bad, ERR_CONFIG, "%s/allowed: %s and %s have the same key", r->dir,
					   other->name, c->at[i].name);
		if (!r->before) return problem_set(r->why, e, "%s", bad.text);
		tell(r, &bad);
		bool mine = had_it(r, &c->at[i]) && !had_it(r, other);
		losers[count++] = mine ? (unsigned)(other - c->at) : i;
		if (mine) c->slots[slot] = (uint16_t)(i + 1);
	}
	for (unsigned i = 0; i < count; i++) lose(r, &c->at[losers[i]]);
	drop_nameless(c);
	*ret_again = count > 0;
	return OK;
}

/* What a loser keeps is nobody else's, so the second look finds nothing more, and leaves the index of what there is. */
static enum error settle(struct reading *r) {
	bool again = true;
	enum error e = OK;
	while (!e && again) e = index_keys(r, &again);
	return e;
}

static enum error read_all(struct reading *r) {
	char path[4096];
	struct stat st;
	enum error e = OK;
	(void)snprintf(path, sizeof path, "%s/allowed", r->dir);
	DIR *d = opendir(path);
	if (!d && errno == ENOENT) return OK;
	if (!d) return problem_set(r->why, ERR_CONFIG, "%s: %s", path, strerror(errno));
	if (fstat(dirfd(d), &st) != 0 || (st.st_mode & S_IWOTH)) {
		closedir(d);
		return problem_set(r->why, ERR_CONFIG, "%s: everybody may put keys there: chmod o-w it", path);
	}
	errno = 0;
	for (struct dirent *entry = readdir(d); entry && !e; errno = 0, entry = readdir(d)) e = add(r, entry->d_name);
	if (!e && errno) e = problem_set(r->why, ERR_CONFIG, "%s: %s", path, strerror(errno));
	closedir(d);
	return e ? e : settle(r);
}

static enum error load(struct reading *r, struct curve_clients **ret_c) {
	struct curve_clients *c = calloc(1, sizeof *c);
	if (c) c->at = calloc(CURVE_CLIENTS_MAX, sizeof c->at[0]);
	if (!c || !c->at) {
		free(c);
		return problem_set(r->why, ERR_MEMORY, "no memory for the clients' keys");
	}
	r->into = c;
	enum error e = read_all(r);
	if (e)
		curve_clients_destroy(&c);
	else
		*ret_c = c;
	return e;
}

enum error curve_clients_load(const char *dir, struct curve_clients **ret_c, struct problem *why) {
	struct reading r = {.dir = dir, .why = why};
	return load(&r, ret_c);
}

enum error curve_clients_reload(const char *dir, const struct curve_clients *before, struct curve_clients **ret_c,
				struct curve_bad_files *ret_bad, struct problem *why) {
	struct reading r = {.dir = dir, .before = before, .bad = ret_bad, .why = why};
	*ret_bad = (struct curve_bad_files){0};
	return load(&r, ret_c);
}

void curve_clients_destroy(struct curve_clients **c) {
	if (!c || !*c) return;
	free((*c)->at);
	free(*c);
	*c = NULL;
}
