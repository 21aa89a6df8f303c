/* The YAML under catalog_file.c: a strict reading of libyaml's document, with errors that name file, line and key.
 * Errors are sticky: after the first one every call is a no-op that gives nothing. Private to the catalog. */
#ifndef SERVICE_CATALOG_YAML_H
#define SERVICE_CATALOG_YAML_H

#include "base/error.h"
#include "domain/catalog.h"
#include <yaml.h>

#define YAML_DEPTH_MAX 64
#define YAML_PATH_MAX 80

struct yaml {
	enum error error;
	struct problem *why;
	const char *name; /* the file's, for messages */
	char path[YAML_PATH_MAX];
	yaml_document_t document;
	bool open;
	char *kept; /* copies of names; as large as the file, since a name is never longer than its text */
	size_t kept_used;
};

struct catalog_file {
	struct catalog catalog;
	struct yaml yaml;
	struct catalog_tier own[TIERS_MAX]; /* features that stand in the tier itself, by number */
	bool inherits[TIERS_MAX];
	unsigned lines[TIERS_MAX][FEATURES_MAX];
	struct catalog_grant grants[GRANTS_MAX];
};

/* Checks the stream (one document, no anchors, aliases or tags, depth), then loads it. */
NODISCARD enum error yml_open(struct yaml *y, const char *name, struct view text, struct problem *why);
void yml_close(struct yaml *y); /* the document; what was kept stays */
void yml_free(struct yaml *y);

static inline bool yml_failed(const struct yaml *y) { return y->error != OK; }
unsigned yml_line(const yaml_node_t *node); /* from 1 */

/* The key that the following errors name. */
void yml_path(struct yaml *y, const char *fmt, ...) PRINTF_LIKE(2, 3);
void yml_refuse(struct yaml *y, const yaml_node_t *node, const char *fmt, ...) PRINTF_LIKE(3, 4);
void yml_refuse_line(struct yaml *y, unsigned line, const char *fmt, ...) PRINTF_LIKE(3, 4);

yaml_node_t *yml_root(struct yaml *y);
yaml_node_t *yml_node(struct yaml *y, int index);
/* ret_values[i] is the value of keys[i], or NULL when it is not there. Any other key is refused, and so is a key twice.
 */
void yml_map(struct yaml *y, yaml_node_t *map, const char *const *keys, size_t count, yaml_node_t **ret_values);
/* for (yaml_node_item_t *i = yml_first(y, list); yml_more(y, list, i); i++); refuses what is no list. */
yaml_node_item_t *yml_first(struct yaml *y, yaml_node_t *list);
bool yml_more(const struct yaml *y, const yaml_node_t *list, const yaml_node_item_t *i);

struct view yml_scalar(struct yaml *y, yaml_node_t *node); /* lives until yml_close */
struct view yml_keep(struct yaml *y, struct view v);       /* lives until yml_free */
bool yml_bool(struct yaml *y, yaml_node_t *node);
bool yml_either(struct yaml *y, yaml_node_t *node, const char *yes, const char *no);
int64_t yml_seconds(struct yaml *y, yaml_node_t *node);

#endif
