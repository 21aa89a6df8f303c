#include "service/catalog_file.h"

#include "base/show.h"
#include "service/catalog_yaml.h"

#include <assert.h>
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static const struct policies default_policies = {
	.past_due_grace_s = INT64_C(7) * 86400,
	.renewal_grace_s = INT64_C(3) * 86400,
	.lapse_unrenewed = false,
	.paused_collection_grants = true,
	.unmapped_keeps_tier = true,
	.open_dispute_grants = false,
	.lost_dispute_grants = false,
	.full_refund_grants = false,
	.scheduled_phases_count = true,
};

/* ---- names and what they may be -------------------------------------------------- */

enum name_kind { NAME_WORD, NAME_STRIPE_ID, NAME_LOOKUP_KEY };

static bool in_word(char c) {
	return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '_' || c == '.' ||
	       c == '-';
}

static struct view read_name(struct yaml *y, yaml_node_t *node, enum name_kind kind) {
	struct view v = yml_scalar(y, node);
	size_t max = kind == NAME_WORD ? NAME_MAX_BYTES : kind == NAME_STRIPE_ID ? STRIPE_ID_MAX : LOOKUP_KEY_MAX;
	if (yml_failed(y)) return VIEW_NONE;
	if (v.len == 0 || v.len > max) {
		yml_refuse(y, node, "a name has 1 to %zu bytes", max);
		return VIEW_NONE;
	}
	for (size_t i = 0; i < v.len; i++) {
		bool good = kind == NAME_LOOKUP_KEY ? v.ptr[i] >= ' ' && v.ptr[i] <= '~' : in_word(v.ptr[i]);
		if (good) continue;
		yml_refuse(y, node, "'%s' has a character that no name has: letters, digits, _ . - only", show(v).text);
		return VIEW_NONE;
	}
	return yml_keep(y, v);
}

/* ---- features ----------------------------------------------------------------- */

static bool has(const struct catalog_tier *t, unsigned feature) {
	return t->features[feature / 64] >> (feature % 64) & 1;
}

static void read_features(struct catalog_file *f, unsigned tier, yaml_node_t *list) {
	struct yaml *y = &f->yaml;
	struct catalog *c = &f->catalog;
	for (yaml_node_item_t *i = yml_first(y, list); yml_more(y, list, i); i++) {
		yaml_node_t *node = yml_node(y, *i);
		struct view name = read_name(y, node, NAME_WORD);
		if (yml_failed(y)) return;
		unsigned n = 0;
		while (n < c->feature_count && !view_eq(c->features[n], name)) n++;
		if (n == FEATURES_MAX) {
			yml_refuse(y, node, "more than %d features", FEATURES_MAX);
		} else if (n < c->feature_count && has(&f->own[tier], n)) {
			yml_refuse(y, node, "%s is listed twice", show(name).text);
		} else {
			if (n == c->feature_count) c->features[c->feature_count++] = name;
			f->own[tier].features[n / 64] |= UINT64_C(1) << (n % 64);
			f->lines[tier][n] = yml_line(node);
		}
	}
}

/* A tier has its own features and, unless it says otherwise, those of every tier below. */
static void inherit(struct catalog_file *f, unsigned tier) {
	struct catalog *c = &f->catalog;
	struct catalog_tier *t = &c->tiers[tier];
	memcpy(t->features, f->own[tier].features, sizeof t->features);
	for (unsigned below = 0; f->inherits[tier] && below < tier; below++) {
		for (unsigned n = 0; n < c->feature_count; n++) {
			if (!has(&f->own[below], n)) continue;
			if (has(&f->own[tier], n)) {
				yml_path(&f->yaml, "tiers[%u].features", tier);
				yml_refuse_line(&f->yaml, f->lines[tier][n], "%s is inherited from tier %s already",
						show(c->features[n]).text, show(c->tiers[below].name).text);
			}
			t->features[n / 64] |= UINT64_C(1) << (n % 64);
		}
	}
}

/* ---- grants --------------------------------------------------------------------- */

static void add_grant(struct catalog_file *f, yaml_node_t *node, enum grant_kind kind, struct view name,
		      unsigned tier) {
	struct catalog *c = &f->catalog;
	for (unsigned i = 0; i < c->grant_count; i++) {
		if (f->grants[i].kind != kind || !view_eq(f->grants[i].name, name)) continue;
		if (f->grants[i].tier == tier) {
			yml_refuse(&f->yaml, node, "%s is listed twice", show(name).text);
		} else {
			yml_refuse(&f->yaml, node, "%s is already granted by tier %s", show(name).text,
				   show(c->tiers[f->grants[i].tier].name).text);
		}
		return;
	}
	if (c->grant_count == GRANTS_MAX) {
		yml_refuse(&f->yaml, node, "more than %d prices, products and lookup keys", GRANTS_MAX);
		return;
	}
	f->grants[c->grant_count++] = (struct catalog_grant){kind, name, tier};
}

static void read_grants(struct catalog_file *f, unsigned tier, yaml_node_t *map) {
	static const struct {
		const char *key;
		enum name_kind names;
	} lists[] = {[GRANT_PRICE] = {"prices", NAME_STRIPE_ID},
		     [GRANT_PRODUCT] = {"products", NAME_STRIPE_ID},
		     [GRANT_LOOKUP_KEY] = {"lookup_keys", NAME_LOOKUP_KEY}};
	struct yaml *y = &f->yaml;
	yaml_node_t *values[ARRAY_LEN(lists)];
	yml_path(y, "tiers[%u].stripe", tier);
	yml_map(y, map, (const char *const[]){"prices", "products", "lookup_keys"}, ARRAY_LEN(lists), values);
	for (unsigned k = 0; k < ARRAY_LEN(lists); k++) {
		if (yml_failed(y) || !values[k]) continue;
		yml_path(y, "tiers[%u].stripe.%s", tier, lists[k].key);
		for (yaml_node_item_t *i = yml_first(y, values[k]); yml_more(y, values[k], i); i++) {
			yaml_node_t *node = yml_node(y, *i);
			struct view name = read_name(y, node, lists[k].names);
			if (!yml_failed(y)) add_grant(f, node, (enum grant_kind)k, name, tier);
		}
	}
}

static int by_grant(const void *a, const void *b) { return catalog_grant_cmp(a, b); }

/* ---- tiers ---------------------------------------------------------------------- */

static void read_tier(struct catalog_file *f, unsigned tier, yaml_node_t *node) {
	enum { NAME, FEATURES, INHERITS, STRIPE, KEYS };
	struct yaml *y = &f->yaml;
	struct catalog *c = &f->catalog;
	yaml_node_t *v[KEYS];
	yml_path(y, "tiers[%u]", tier);
	yml_map(y, node, (const char *const[]){"name", "features", "inherits", "stripe"}, KEYS, v);
	if (yml_failed(y)) return;
	if (!v[NAME]) {
		yml_refuse(y, node, "has no name");
		return;
	}
	yml_path(y, "tiers[%u].name", tier);
	struct view name = read_name(y, v[NAME], NAME_WORD);
	for (unsigned i = 0; !yml_failed(y) && i < tier; i++)
		if (view_eq(c->tiers[i].name, name))
			yml_refuse(y, v[NAME], "%s is the name of tiers[%u] already", show(name).text, i);
	if (yml_failed(y)) return;
	c->tiers[tier].name = name;
	c->tier_count = tier + 1;
	yml_path(y, "tiers[%u].features", tier);
	if (v[FEATURES]) read_features(f, tier, v[FEATURES]);
	yml_path(y, "tiers[%u].inherits", tier);
	f->inherits[tier] = v[INHERITS] ? yml_bool(y, v[INHERITS]) : true;
	if (!yml_failed(y) && v[STRIPE]) read_grants(f, tier, v[STRIPE]);
	if (!yml_failed(y)) inherit(f, tier);
}

static void read_tiers(struct catalog_file *f, yaml_node_t *list) {
	struct yaml *y = &f->yaml;
	unsigned n = 0;
	for (yaml_node_item_t *i = yml_first(y, list); yml_more(y, list, i); i++, n++) {
		if (n == TIERS_MAX) {
			yml_refuse(y, yml_node(y, *i), "more than %d tiers", TIERS_MAX);
			return;
		}
		read_tier(f, n, yml_node(y, *i));
		yml_path(y, "tiers");
	}
	if (!yml_failed(y) && n == 0) yml_refuse(y, list, "is empty: there is at least one tier");
}

/* ---- policies ---------------------------------------------------------------------- */

/* A policy that is one of two words. */
struct choice {
	size_t offset; /* of the bool in struct policies */
	const char *yes, *no;
};

static void read_policies(struct catalog_file *f, yaml_node_t *map) {
	enum { PAST_DUE, RENEWAL, LAPSE, CHOICES };
	static const char *const keys[] = {"past_due_grace",   "renewal_grace",  "lapse_unrenewed",
					   "pause_collection", "unmapped_price", "dispute_open",
					   "dispute_lost",     "refund_full",    "schedule"};
	static const struct choice choices[] = {
		{offsetof(struct policies, paused_collection_grants), "grant", "deny"},
		{offsetof(struct policies, unmapped_keeps_tier), "last_known", "lowest"},
		{offsetof(struct policies, open_dispute_grants), "grant", "hold"},
		{offsetof(struct policies, lost_dispute_grants), "grant", "revoke"},
		{offsetof(struct policies, full_refund_grants), "grant", "revoke"},
		{offsetof(struct policies, scheduled_phases_count), "apply", "ignore"},
	};
	static_assert(ARRAY_LEN(keys) == CHOICES + ARRAY_LEN(choices), "a policy without a key");
	struct yaml *y = &f->yaml;
	struct policies p = default_policies;
	yaml_node_t *v[ARRAY_LEN(keys)];
	yml_path(y, "policies");
	yml_map(y, map, keys, ARRAY_LEN(keys), v);
	for (unsigned k = 0; k < ARRAY_LEN(keys) && !yml_failed(y); k++) {
		if (!v[k]) continue;
		yml_path(y, "policies.%s", keys[k]);
		if (k == PAST_DUE)
			p.past_due_grace_s = yml_seconds(y, v[k]);
		else if (k == RENEWAL)
			p.renewal_grace_s = yml_seconds(y, v[k]);
		else if (k == LAPSE)
			p.lapse_unrenewed = yml_bool(y, v[k]);
		else
			*(bool *)((char *)&p + choices[k - CHOICES].offset) =
				yml_either(y, v[k], choices[k - CHOICES].yes, choices[k - CHOICES].no);
	}
	f->catalog.policies = p;
}

static void read_catalog(struct catalog_file *f) {
	enum { VERSION, TIERS, POLICIES, KEYS };
	struct yaml *y = &f->yaml;
	yaml_node_t *root = yml_root(y), *v[KEYS];
	yml_path(y, "%s", "");
	yml_map(y, root, (const char *const[]){"version", "tiers", "policies"}, KEYS, v);
	if (yml_failed(y)) return;
	if (!v[VERSION] || !v[TIERS]) {
		yml_refuse(y, root, "has no %s", v[VERSION] ? "tiers" : "version (the first line: \"version: 1\")");
		return;
	}
	yml_path(y, "version");
	struct view version = yml_scalar(y, v[VERSION]);
	if (!yml_failed(y) && !view_eq(version, VIEW("1")))
		yml_refuse(y, v[VERSION], "is '%s', and this program knows version 1", show(version).text);
	yml_path(y, "tiers");
	if (!yml_failed(y)) read_tiers(f, v[TIERS]);
	if (!yml_failed(y) && v[POLICIES]) read_policies(f, v[POLICIES]);
}

/* ---- the file -------------------------------------------------------------------- */

enum error catalog_file_parse(const char *name, struct view text, struct catalog_file **ret_f, struct problem *why) {
	if (text.len > CATALOG_FILE_MAX)
		return problem_set(why, ERR_CONFIG, "%.120s: over %zu bytes", name, CATALOG_FILE_MAX);
	struct catalog_file *f = calloc(1, sizeof *f);
	if (!f) return problem_set(why, ERR_MEMORY, "no memory for the catalog");
	f->catalog.policies = default_policies;
	f->catalog.grants = f->grants;
	f->catalog.hash = view_hash(HASH_SEED, text);
	enum error e = yml_open(&f->yaml, name, text, why);
	if (!e) {
		read_catalog(f);
		e = f->yaml.error;
	}
	yml_close(&f->yaml);
	if (e) {
		catalog_file_destroy(&f);
		return e;
	}
	qsort(f->grants, f->catalog.grant_count, sizeof *f->grants, by_grant);
	*ret_f = f;
	return OK;
}

static enum error read_whole(int fd, const char *path, char *buffer, size_t *ret_n, struct problem *why) {
	size_t n = 0;
	while (n <= CATALOG_FILE_MAX) {
		ssize_t got = read(fd, buffer + n, CATALOG_FILE_MAX + 1 - n);
		if (got < 0 && errno == EINTR) continue;
		if (got < 0) return problem_set(why, ERR_IO, "cannot read %.120s: %s", path, strerror(errno));
		if (got == 0) break;
		n += (size_t)got;
	}
	*ret_n = n;
	return OK;
}

enum error catalog_file_load(const char *path, struct catalog_file **ret_f, struct problem *why) {
	int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
	if (fd < 0)
		return problem_set(why, errno == ENOENT ? ERR_NOT_FOUND : ERR_IO,
				   "cannot open the catalog %.120s (--catalog or TIERGATE_CATALOG): %s", path,
				   strerror(errno));
	char *buffer = malloc(CATALOG_FILE_MAX + 1);
	size_t n = 0;
	enum error e = buffer ? read_whole(fd, path, buffer, &n, why)
			      : problem_set(why, ERR_MEMORY, "no memory for the catalog");
	close(fd);
	if (!e) e = catalog_file_parse(path, view_of(buffer, n), ret_f, why);
	free(buffer);
	return e;
}

void catalog_file_destroy(struct catalog_file **f) {
	if (!f || !*f) return;
	yml_free(&(*f)->yaml);
	free(*f);
	*f = NULL;
}

const struct catalog *catalog_file_get(const struct catalog_file *f) { return &f->catalog; }
