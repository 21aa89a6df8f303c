#include "service/catalog_yaml.h"

#include "base/parse.h"
#include "base/show.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

unsigned yml_line(const yaml_node_t *node) { return node ? (unsigned)node->start_mark.line + 1 : 1; }

void yml_path(struct yaml *y, const char *fmt, ...) {
	va_list args;
	va_start(args, fmt);
	(void)vsnprintf(y->path, sizeof y->path, fmt, args);
	va_end(args);
}

static void PRINTF_LIKE(4, 0) refuse(struct yaml *y, enum error e, unsigned line, const char *fmt, va_list args) {
	if (y->error) return;
	char sentence[160];
	(void)vsnprintf(sentence, sizeof sentence, fmt, args);
	size_t n = strlen(y->name); /* the end of a long path says more than its beginning */
	y->error = problem_set(y->why, e, "%s:%u: %s%s%s", n > 80 ? y->name + n - 80 : y->name, line, y->path,
			       y->path[0] ? ": " : "", sentence);
}

void yml_refuse(struct yaml *y, const yaml_node_t *node, const char *fmt, ...) {
	va_list args;
	va_start(args, fmt);
	refuse(y, ERR_CONFIG, yml_line(node), fmt, args);
	va_end(args);
}

void yml_refuse_line(struct yaml *y, unsigned line, const char *fmt, ...) {
	va_list args;
	va_start(args, fmt);
	refuse(y, ERR_CONFIG, line, fmt, args);
	va_end(args);
}

static void no_memory(struct yaml *y) {
	if (!y->error) y->error = problem_set(y->why, ERR_MEMORY, "no memory for the catalog");
}

/* ---- opening ---------------------------------------------------------------------- */

static void parser_failed(struct yaml *y, const yaml_parser_t *p) {
	if (p->error == YAML_MEMORY_ERROR) {
		no_memory(y);
	} else if (p->error == YAML_READER_ERROR) {
		yml_refuse_line(y, (unsigned)p->mark.line + 1, "not YAML: %s at byte %zu",
				p->problem ? p->problem : "bad text", p->problem_offset);
	} else {
		yml_refuse_line(y, (unsigned)p->problem_mark.line + 1, "not YAML: %s",
				p->problem ? p->problem : "bad text");
	}
}

static void check_event(struct yaml *y, const yaml_event_t *event, unsigned *depth, unsigned *documents) {
	const yaml_char_t *anchor = NULL, *tag = NULL;
	unsigned line = (unsigned)event->start_mark.line + 1;
	switch (event->type) {
	case YAML_DOCUMENT_START_EVENT:
		if (++*documents > 1) yml_refuse_line(y, line, "a second document; one file is one catalog");
		return;
	case YAML_ALIAS_EVENT:
		yml_refuse_line(y, line, "aliases (*name) are not allowed");
		return;
	case YAML_SCALAR_EVENT:
		anchor = event->data.scalar.anchor;
		tag = event->data.scalar.tag;
		break;
	case YAML_SEQUENCE_START_EVENT:
		anchor = event->data.sequence_start.anchor;
		tag = event->data.sequence_start.tag;
		++*depth;
		break;
	case YAML_MAPPING_START_EVENT:
		anchor = event->data.mapping_start.anchor;
		tag = event->data.mapping_start.tag;
		++*depth;
		break;
	case YAML_SEQUENCE_END_EVENT:
	case YAML_MAPPING_END_EVENT:
		--*depth;
		return;
	case YAML_NO_EVENT:
	case YAML_STREAM_START_EVENT:
	case YAML_STREAM_END_EVENT:
	case YAML_DOCUMENT_END_EVENT:
		return;
	}
	if (anchor) yml_refuse_line(y, line, "anchors (&name) are not allowed");
	if (tag) yml_refuse_line(y, line, "tags (!name) are not allowed");
	if (*depth > YAML_DEPTH_MAX) yml_refuse_line(y, line, "more than %d levels", YAML_DEPTH_MAX);
}

static bool start_parser(struct yaml *y, yaml_parser_t *p, struct view text) {
	if (!yaml_parser_initialize(p)) {
		no_memory(y);
		return false;
	}
	yaml_parser_set_encoding(p, YAML_UTF8_ENCODING);
	yaml_parser_set_input_string(p, (const unsigned char *)(text.len ? text.ptr : ""), text.len);
	return true;
}

/* One pass over the events, before anything is built from them: what this refuses, the loader never sees. */
static void check_stream(struct yaml *y, struct view text) {
	yaml_parser_t p;
	if (!start_parser(y, &p, text)) return;
	unsigned depth = 0, documents = 0;
	bool end = false;
	while (!end && !y->error) {
		yaml_event_t event;
		if (!yaml_parser_parse(&p, &event)) {
			parser_failed(y, &p);
			break;
		}
		end = event.type == YAML_STREAM_END_EVENT;
		check_event(y, &event, &depth, &documents);
		yaml_event_delete(&event);
	}
	yaml_parser_delete(&p);
	if (!y->error && documents == 0) yml_refuse_line(y, 1, "is empty");
}

enum error yml_open(struct yaml *y, const char *name, struct view text, struct problem *why) {
	*y = (struct yaml){.why = why, .name = name};
	y->kept = malloc(text.len + 1);
	if (!y->kept) no_memory(y);
	if (!y->error) check_stream(y, text);
	yaml_parser_t p;
	if (y->error || !start_parser(y, &p, text)) return y->error;
	if (yaml_parser_load(&p, &y->document)) {
		y->open = true;
	} else {
		parser_failed(y, &p);
	}
	yaml_parser_delete(&p);
	return y->error;
}

void yml_close(struct yaml *y) {
	if (y->open) yaml_document_delete(&y->document);
	y->open = false;
}

void yml_free(struct yaml *y) {
	yml_close(y);
	free(y->kept);
	y->kept = NULL;
}

/* ---- nodes ------------------------------------------------------------------------ */

yaml_node_t *yml_root(struct yaml *y) { return y->error ? NULL : yaml_document_get_root_node(&y->document); }
yaml_node_t *yml_node(struct yaml *y, int index) { return yaml_document_get_node(&y->document, index); }

static void unknown_key(struct yaml *y, const yaml_node_t *key, struct view name, const char *const *keys,
			size_t count) {
	char known[100] = "";
	size_t used = 0;
	for (size_t i = 0; i < count && used < sizeof known; i++)
		used += (size_t)snprintf(known + used, sizeof known - used, "%s%s", i ? ", " : "", keys[i]);
	yml_refuse(y, key, "unknown key '%.30s'; known are %s", show(name).text, known);
}

void yml_map(struct yaml *y, yaml_node_t *map, const char *const *keys, size_t count, yaml_node_t **ret_values) {
	for (size_t i = 0; i < count; i++) ret_values[i] = NULL;
	if (y->error) return;
	if (!map || map->type != YAML_MAPPING_NODE) {
		yml_refuse(y, map, "must be a map (key: value)");
		return;
	}
	for (yaml_node_pair_t *p = map->data.mapping.pairs.start; p < map->data.mapping.pairs.top && !y->error; p++) {
		yaml_node_t *key = yml_node(y, p->key);
		struct view name = yml_scalar(y, key);
		size_t i = 0;
		while (i < count && !view_eq(name, view_str(keys[i]))) i++;
		if (i == count) {
			unknown_key(y, key, name, keys, count);
		} else if (ret_values[i]) {
			yml_refuse(y, key, "the key '%s' stands here twice", keys[i]);
		} else {
			ret_values[i] = yml_node(y, p->value);
		}
	}
}

yaml_node_item_t *yml_first(struct yaml *y, yaml_node_t *list) {
	if (!y->error && list->type != YAML_SEQUENCE_NODE) yml_refuse(y, list, "must be a list ([a, b])");
	return y->error ? NULL : list->data.sequence.items.start;
}

bool yml_more(const struct yaml *y, const yaml_node_t *list, const yaml_node_item_t *i) {
	return !y->error && i < list->data.sequence.items.top;
}

struct view yml_scalar(struct yaml *y, yaml_node_t *node) {
	if (y->error) return VIEW_NONE;
	if (!node || node->type != YAML_SCALAR_NODE) {
		yml_refuse(y, node, "must be a single value");
		return VIEW_NONE;
	}
	return view_of(node->data.scalar.value, node->data.scalar.length);
}

/* The space is as large as the file, and every name is read once from its own text in it. */
struct view yml_keep(struct yaml *y, struct view v) {
	char *at = y->kept + y->kept_used;
	memcpy(at, v.ptr, v.len);
	y->kept_used += v.len;
	return view_of(at, v.len);
}

bool yml_either(struct yaml *y, yaml_node_t *node, const char *yes, const char *no) {
	struct view v = yml_scalar(y, node);
	if (y->error) return false;
	bool is_yes = view_eq(v, view_str(yes));
	if (!is_yes && !view_eq(v, view_str(no))) yml_refuse(y, node, "is '%s', not %s or %s", show(v).text, yes, no);
	return is_yes;
}

bool yml_bool(struct yaml *y, yaml_node_t *node) { return yml_either(y, node, "true", "false"); }

int64_t yml_seconds(struct yaml *y, yaml_node_t *node) {
	struct view v = yml_scalar(y, node);
	int64_t ms = 0;
	if (!y->error && (!parse_duration_ms(v, &ms) || ms % 1000 != 0))
		yml_refuse(y, node, "'%s' is not a time in whole seconds: write digits and one of s m h d, as in 7d",
			   show(v).text);
	return ms / 1000;
}
