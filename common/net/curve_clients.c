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

static const struct curve_client *find_key(const struct curve_clients *c, const uint8_t *key, unsigned *ret_free) {
	unsigned slot = slot_of(key);
	for (; c->slots[slot]; slot = (slot + 1) & (SLOTS - 1)) {
		const struct curve_client *one = &c->at[c->slots[slot] - 1];
		if (memcmp(one->key, key, CURVE_KEY_SIZE) == 0) return one;
	}
	if (ret_free) *ret_free = slot;
	return NULL;
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

static enum error add(struct curve_clients *c, const char *dir, const char *file, struct problem *why) {
	struct view name = name_of(file);
	if (!name.len) return OK;
	if (c->count == CURVE_CLIENTS_MAX)
		return problem_set(why, ERR_LIMIT, "%s/allowed: more than %d clients", dir, CURVE_CLIENTS_MAX);
	enum error e = read_client(dir, file, name, &c->at[c->count], why);
	if (!e) c->count++;
	return e;
}

static int by_name(const void *a, const void *b) {
	return strcmp(((const struct curve_client *)a)->name, ((const struct curve_client *)b)->name);
}

static enum error index_keys(struct curve_clients *c, const char *dir, struct problem *why) {
	if (c->count) qsort(c->at, c->count, sizeof c->at[0], by_name);
	for (unsigned i = 0; i < c->count; i++) {
		unsigned slot = 0;
		const struct curve_client *other = find_key(c, c->at[i].key, &slot);
		if (other)
			return problem_set(why, ERR_CONFIG, "%s/allowed: %s and %s have the same key", dir, other->name,
					   c->at[i].name);
		c->slots[slot] = (uint16_t)(i + 1);
	}
	return OK;
}

static enum error load_all(struct curve_clients *c, const char *dir, struct problem *why) {
	char path[4096];
	struct stat st;
	enum error e = OK;
	(void)snprintf(path, sizeof path, "%s/allowed", dir);
	DIR *d = opendir(path);
	if (!d && errno == ENOENT) return OK;
	if (!d) return problem_set(why, ERR_CONFIG, "%s: %s", path, strerror(errno));
	if (fstat(dirfd(d), &st) != 0 || (st.st_mode & S_IWOTH)) {
		closedir(d);
		return problem_set(why, ERR_CONFIG, "%s: everybody may put keys there: chmod o-w it", path);
	}
	for (struct dirent *entry = readdir(d); entry && !e; entry = readdir(d)) e = add(c, dir, entry->d_name, why);
	closedir(d);
	return e ? e : index_keys(c, dir, why);
}

enum error curve_clients_load(const char *dir, struct curve_clients **ret_c, struct problem *why) {
	struct curve_clients *c = calloc(1, sizeof *c);
	if (c) c->at = calloc(CURVE_CLIENTS_MAX, sizeof c->at[0]);
	if (!c || !c->at) {
		free(c);
		return problem_set(why, ERR_MEMORY, "no memory for the clients' keys");
	}
	enum error e = load_all(c, dir, why);
	if (e)
		curve_clients_destroy(&c);
	else
		*ret_c = c;
	return e;
}

void curve_clients_destroy(struct curve_clients **c) {
	if (!c || !*c) return;
	free((*c)->at);
	free(*c);
	*c = NULL;
}
