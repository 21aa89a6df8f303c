#include "service/settings.h"

#include "base/show.h"
#include "service/nearest.h"
#include "service/setting_names.h"
#include "service/setting_value.h"

#include <errno.h>
#include <fcntl.h>
#include <getopt.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define PREFIX "TIERGATE_"
#define ARGUMENTS_MAX 64

enum source { FROM_NOWHERE, FROM_DEFAULT, FROM_ENV, FROM_FLAG };

/* What one row was given. */
struct given {
	enum source source;
	char *text;       /* owned */
	const char *file; /* a secret's file (argv's or the environment's own); NULL: the text was given itself */
	char origin[SETTING_NAME_MAX + 32];
};

struct settings {
	const struct settings_table *table;
	void *target;
	struct given given[SETTINGS_MAX];
	unsigned argument_count;
	const char *arguments[ARGUMENTS_MAX];
};

static const struct known {
	const char *name;
	bool file;
} known_names[] = {
#define X(name, file) {name, file},
	SETTING_NAMES(X)
#undef X
};

/* ---- names ------------------------------------------------------------------ */

static void set_origin(struct given *g, const struct setting *row) {
	const char *end = g->file ? (g->source == FROM_ENV ? "_FILE" : "-file") : "";
	if (g->source == FROM_ENV) {
		(void)snprintf(g->origin, sizeof g->origin, PREFIX "%s%s", row->name, end);
	} else {
		(void)snprintf(g->origin, sizeof g->origin, "%s--%s%s",
			       g->source == FROM_DEFAULT ? "the default of " : "", setting_flag(row).text, end);
	}
}

/* ---- secrets ---------------------------------------------------------------- */

static void wipe(char **text) {
	if (*text) explicit_bzero(*text, strlen(*text));
	free(*text);
	*text = NULL;
}

static enum error read_whole(int fd, const char *origin, char *buffer, size_t *ret_n, struct problem *why) {
	size_t n = 0;
	while (n <= SECRET_FILE_MAX) {
		ssize_t got = read(fd, buffer + n, SECRET_FILE_MAX + 1 - n);
		if (got < 0 && errno == EINTR) continue;
		if (got < 0) return problem_set(why, ERR_CONFIG, "%s: cannot read it: %s", origin, strerror(errno));
		if (got == 0) break;
		n += (size_t)got;
	}
	if (n > SECRET_FILE_MAX)
		return problem_set(why, ERR_CONFIG, "%s: the file is over %u bytes", origin, SECRET_FILE_MAX);
	*ret_n = n;
	return OK;
}

/* The file's mode is not judged: container engines mount secrets readable by all. */
static enum error read_secret(const char *path, const char *origin, char **ret_text, struct problem *why) {
	/* NONBLOCK: opening a FIFO that nobody writes would hang */
	int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
	if (fd < 0) return problem_set(why, ERR_CONFIG, "%s: cannot open %s: %s", origin, path, strerror(errno));
	char *buffer = calloc(1, SECRET_FILE_MAX + 2);
	if (!buffer) {
		close(fd);
		return problem_set(why, ERR_MEMORY, "out of memory");
	}
	size_t n = 0;
	enum error e = read_whole(fd, origin, buffer, &n, why);
	close(fd);
	while (!e && n > 0 && (buffer[n - 1] == '\n' || buffer[n - 1] == '\r')) buffer[--n] = '\0';
	if (!e && n == 0) e = problem_set(why, ERR_CONFIG, "%s: %s is empty", origin, path);
	if (!e && strlen(buffer) != n) e = problem_set(why, ERR_CONFIG, "%s: %s has a NUL byte", origin, path);
	char *text = e ? NULL : strdup(buffer);
	if (!e && !text) e = problem_set(why, ERR_MEMORY, "out of memory");
	explicit_bzero(buffer, SECRET_FILE_MAX + 2);
	free(buffer);
	if (!e) *ret_text = text;
	return e;
}

/* ---- what was given ----------------------------------------------------------- */

/* A later flag replaces an earlier one, and anything replaces what came from a weaker source. */
static enum error give(struct settings *s, size_t i, enum source source, const char *value, bool is_file,
		       struct problem *why) {
	const struct setting *row = &s->table->rows[i];
	struct given *g = &s->given[i];
	if (g->source > source) return OK;
	if (g->source == source && (g->file != NULL) != is_file)
		return problem_set(why, ERR_CONFIG, "%s is given both itself and as a file: give one", g->origin);
	if (strlen(value) > SETTING_VALUE_MAX && row->type != SETTING_SECRET)
		return problem_set(why, ERR_CONFIG, "%s: over %d bytes", row->name, SETTING_VALUE_MAX);
	g->source = source;
	g->file = is_file ? value : NULL;
	set_origin(g, row);
	wipe(&g->text);
	if (is_file) return OK; /* read later, when it is known to be needed */
	g->text = strdup(value);
	return g->text ? OK : problem_set(why, ERR_MEMORY, "out of memory");
}

static enum error give_defaults(struct settings *s, struct problem *why) {
	enum error e = OK;
	for (size_t i = 0; !e && i < s->table->count; i++)
		if (s->table->rows[i].fallback) e = give(s, i, FROM_DEFAULT, s->table->rows[i].fallback, false, why);
	return e;
}

static bool cut_file(struct view *name) {
	struct view end = VIEW("_FILE");
	if (name->len <= end.len || memcmp(name->ptr + name->len - end.len, end.ptr, end.len) != 0) return false;
	name->len -= end.len;
	return true;
}

/* *name is of some service; if it ended in _FILE that is cut and *ret_file is set. */
static bool is_known(struct view *name, bool *ret_file) {
	struct view bare = *name;
	bool file = cut_file(&bare);
	for (size_t i = 0; i < ARRAY_LEN(known_names); i++) {
		struct view known = view_str(known_names[i].name);
		if (view_eq(*name, known)) {
			*ret_file = false;
			return true;
		}
		if (file && known_names[i].file && view_eq(bare, known)) {
			*name = bare;
			*ret_file = true;
			return true;
		}
	}
	return false;
}

static enum error unknown_name(struct view name, struct problem *why) {
	struct nearest near = {0};
	struct view bare = name;
	const char *end = cut_file(&bare) ? "_FILE" : "";
	for (size_t i = 0; i < ARRAY_LEN(known_names); i++) {
		if (*end && !known_names[i].file) continue;
		nearest_try(&near, bare, known_names[i].name);
	}
	if (name.len > SETTING_NAME_MAX) name.len = SETTING_NAME_MAX;
	if (!near.name)
		return problem_set(why, ERR_CONFIG, PREFIX "%.*s: no service has such a setting", VIEW_FMT(name));
	return problem_set(why, ERR_CONFIG, PREFIX "%.*s: no service has such a setting; did you mean " PREFIX "%s%s?",
			   VIEW_FMT(name), near.name, end);
}

static enum error give_environment(struct settings *s, char *const *envp, struct problem *why) {
	for (; envp && *envp; envp++) {
		if (strncmp(*envp, PREFIX, strlen(PREFIX)) != 0) continue;
		const char *equals = strchr(*envp, '=');
		if (!equals) continue;
		struct view name = view_of(*envp + strlen(PREFIX), (size_t)(equals - *envp) - strlen(PREFIX));
		bool file;
		if (!is_known(&name, &file)) return unknown_name(name, why);
		if (equals[1] == '\0') continue;
		for (size_t i = 0; i < s->table->count; i++) {
			const struct setting *row = &s->table->rows[i];
			if (row->flag_only || !view_eq(name, view_str(row->name))) continue;
			if (file && row->type != SETTING_SECRET) continue;
			enum error e = give(s, i, FROM_ENV, equals + 1, file, why);
			if (e) return e;
		}
	}
	return OK;
}

/* ---- flags ------------------------------------------------------------------ */

/* getopt's values: row i as itself is FLAG_BASE + 2 i, and as a file one more. */
#define FLAG_BASE 256

struct flags {
	struct option options[2 * SETTINGS_MAX + 3];
	struct flag_name names[2 * SETTINGS_MAX];
};

static void list_flags(const struct settings_table *t, struct flags *f) {
	size_t n = 0;
	for (size_t i = 0; i < t->count; i++) {
		const struct setting *row = &t->rows[i];
		f->names[n] = setting_flag(row);
		f->options[n] = (struct option){f->names[n].text,
						row->type == SETTING_BOOL ? optional_argument : required_argument, NULL,
						FLAG_BASE + 2 * (int)i};
		n++;
		if (row->type != SETTING_SECRET) continue;
		f->names[n] = setting_flag(row);
		size_t used = strlen(f->names[n].text);
		(void)snprintf(f->names[n].text + used, sizeof f->names[n].text - used, "-file");
		f->options[n] = (struct option){f->names[n].text, required_argument, NULL, FLAG_BASE + 2 * (int)i + 1};
		n++;
	}
	f->options[n++] = (struct option){"help", no_argument, NULL, 'h'};
	f->options[n++] = (struct option){"version", no_argument, NULL, 'V'};
	f->options[n] = (struct option){0};
}

static enum error bad_flag(const struct flags *f, int got, const char *typed, struct problem *why) {
	if (optopt > 0 && optopt < FLAG_BASE)
		return problem_set(why, ERR_USAGE, "-%c: no such flag", optopt > ' ' && optopt < 0x7f ? optopt : '?');
	struct view name = view_of(typed, strcspn(typed, "="));
	if (got == ':') return problem_set(why, ERR_USAGE, "%s needs a value", show(name).text);
	struct nearest near = {0};
	struct view bare = name;
	while (bare.len > 0 && *bare.ptr == '-') bare = view_of(bare.ptr + 1, bare.len - 1);
	for (size_t i = 0; f->options[i].name; i++) nearest_try(&near, bare, f->options[i].name);
	if (near.name)
		return problem_set(why, ERR_USAGE, "%s: no such flag; did you mean --%s?", show(name).text, near.name);
	return problem_set(why, ERR_USAGE, "%s: no such flag", show(name).text);
}

/* argv is a copy: getopt_long reorders it. */
static enum error give_flags(struct settings *s, int argc, char **argv, const struct flags *f,
			     enum settings_wish *ret_wish, struct problem *why) {
	optind = 0; /* start anew */
	opterr = 0;
	for (;;) {
		int got = getopt_long(argc, argv, ":hV", f->options, NULL);
		if (got == -1) break;
		if (got == 'h' || got == 'V') {
			*ret_wish = got == 'h' ? SETTINGS_HELP : SETTINGS_VERSION;
			return OK;
		}
		if (got < FLAG_BASE) return bad_flag(f, got, argv[optind - 1], why);
		enum error e = give(s, (size_t)(got - FLAG_BASE) / 2, FROM_FLAG, optarg ? optarg : "true",
				    (got - FLAG_BASE) % 2 != 0, why);
		if (e) return e;
	}
	for (int i = optind; i < argc; i++) {
		if (s->argument_count >= s->table->arguments_max || s->argument_count == ARGUMENTS_MAX)
			return problem_set(why, ERR_USAGE, "'%s' is an argument too many", show_str(argv[i]).text);
		s->arguments[s->argument_count++] = argv[i];
	}
	return OK;
}

static enum error read_flags(struct settings *s, int argc, char *const *argv, enum settings_wish *ret_wish,
			     struct problem *why) {
	struct flags f;
	list_flags(s->table, &f);
	char **copy = calloc((size_t)argc + 1, sizeof *copy);
	if (!copy) return problem_set(why, ERR_MEMORY, "out of memory");
	for (int i = 0; i < argc; i++) copy[i] = argv[i];
	enum error e = give_flags(s, argc, copy, &f, ret_wish, why);
	free(copy);
	return e;
}

/* ---- from what was given to the target -------------------------------------------- */

static int find_row(const struct settings *s, const char *name) {
	for (size_t i = 0; i < s->table->count; i++)
		if (strcmp(s->table->rows[i].name, name) == 0) return (int)i;
	return -1;
}

static enum error check(struct settings *s, struct problem *why) {
	for (size_t i = 0; i < s->table->count; i++) {
		const struct setting *row = &s->table->rows[i];
		struct given *g = &s->given[i];
		enum error e = OK;
		if (g->file) e = read_secret(g->file, g->origin, &g->text, why);
		if (!e && g->text) e = setting_store(row, g->origin, g->text, NULL, why);
		if (!e && !g->text && row->required) {
			bool secret = row->type == SETTING_SECRET;
			e = row->flag_only ? problem_set(why, ERR_USAGE, "--%s is missing: %s", setting_flag(row).text,
							 row->help)
					   : problem_set(why, ERR_CONFIG, "--%s or " PREFIX "%s%s is missing: %s",
							 setting_flag(row).text, row->name,
							 secret ? " (or its _FILE)" : "", row->help);
		}
		/* a wrong value of a command's own argument is wrong usage, not configuration */
		if (e == ERR_CONFIG && row->flag_only) e = why ? (why->error = ERR_USAGE) : ERR_USAGE;
		if (e) return e;
	}
	if (s->argument_count < s->table->arguments_min)
		return problem_set(why, ERR_USAGE, "an argument is missing: %s %s", s->table->program,
				   s->table->arguments);
	return OK;
}

/* What is not local needs keys, and the directory of them is a setting of whoever can take them. */
static enum error check_keys(const struct settings *s, struct problem *why) {
	char remote[ENDPOINT_MAX];
	int keys = find_row(s, "CURVE_DIR");
	if (keys >= 0 && s->given[keys].text) return OK;
	for (size_t i = 0; i < s->table->count; i++) {
		const struct given *g = &s->given[i];
		if (!g->text || !setting_remote(&s->table->rows[i], g->text, remote)) continue;
		return problem_set(why, ERR_CONFIG, "%s: '%s' is not loopback%s; or use ipc:// or tcp://127.0.0.1",
				   g->origin, remote,
				   keys < 0 ? ", and this takes no keys"
					    : ": that needs keys (CURVE_DIR; `tiergate keygen` makes them)");
	}
	return OK;
}

static void fill_target(const struct settings *s) {
	for (size_t i = 0; i < s->table->count; i++) {
		const struct setting *row = &s->table->rows[i];
		if (!s->given[i].text) continue;
		/* checked before: it cannot fail */
		(void)!setting_store(row, "", s->given[i].text, (char *)s->target + row->offset, NULL);
	}
}

/* A row that the list lacks would be a setting that other services refuse in a shared environment. */
static enum error check_table(const struct settings_table *t, struct problem *why) {
	if (t->count > SETTINGS_MAX) return problem_set(why, ERR_INTERNAL, "over %d settings", SETTINGS_MAX);
	for (size_t i = 0; i < t->count; i++) {
		const struct setting *row = &t->rows[i];
		struct view name = view_str(row->name);
		bool file;
		if (!row->flag_only && !is_known(&name, &file))
			return problem_set(why, ERR_INTERNAL, "%s is not in setting_names.h", row->name);
	}
	return OK;
}

enum error settings_read(const struct settings_table *t, int argc, char *const *argv, char *const *envp, void *target,
			 struct settings **ret_s, enum settings_wish *ret_wish, struct problem *why) {
	enum error e = check_table(t, why);
	if (e) return e;
	struct settings *s = calloc(1, sizeof *s);
	if (!s) return problem_set(why, ERR_MEMORY, "out of memory");
	s->table = t;
	s->target = target;
	enum settings_wish wish = SETTINGS_RUN;
	e = read_flags(s, argc, argv, &wish, why);
	if (!e && wish == SETTINGS_RUN) {
		e = give_environment(s, envp, why);
		if (!e) e = give_defaults(s, why);
		if (!e) e = check(s, why);
		if (!e) e = check_keys(s, why);
		if (!e) fill_target(s);
	}
	if (e) {
		settings_destroy(&s);
		return e;
	}
	*ret_wish = wish;
	*ret_s = s;
	return OK;
}

void settings_destroy(struct settings **s) {
	if (!s || !*s) return;
	for (size_t i = 0; i < SETTINGS_MAX; i++) wipe(&(*s)->given[i].text);
	free(*s);
	*s = NULL;
}

unsigned settings_argument_count(const struct settings *s) { return s->argument_count; }
const char *settings_argument(const struct settings *s, unsigned i) {
	return i < s->argument_count ? s->arguments[i] : NULL;
}

const char *settings_origin(const struct settings *s, const char *name) {
	int i = find_row(s, name);
	return i < 0 || s->given[i].source == FROM_NOWHERE ? NULL : s->given[i].origin;
}

enum error setting_blame(const char *name, enum error e, struct problem *why) {
	char flag[SETTING_NAME_MAX];
	size_t n = 0;
	if (!e || !why) return e;
	for (; name[n] && n < sizeof flag - 1; n++)
		flag[n] = name[n] == '_' ? '-' : (char)(name[n] >= 'A' && name[n] <= 'Z' ? name[n] | 0x20 : name[n]);
	flag[n] = '\0';
	struct problem about = *why;
	return problem_set(why, e, "%.160s (--%s or " PREFIX "%s)", problem_text(&about), flag, name);
}

enum error settings_reread(struct settings *s, const char *name, const char **ret_text, struct problem *why) {
	int i = find_row(s, name);
	if (i < 0 || s->table->rows[i].type != SETTING_SECRET || !s->given[i].text)
		return problem_set(why, ERR_INTERNAL, "%s is no secret that was given", name);
	struct given *g = &s->given[i];
	if (g->file) {
		char *text = NULL;
		enum error e = read_secret(g->file, g->origin, &text, why);
		if (!e) e = setting_store(&s->table->rows[i], g->origin, text, NULL, why);
		if (e) {
			wipe(&text);
			return e;
		}
		wipe(&g->text);
		g->text = text;
		fill_target(s);
	}
	*ret_text = g->text;
	return OK;
}

bool settings_begin(const struct settings_table *t, int argc, char *const *argv, char *const *envp, void *target,
		    struct settings **ret_s, int *ret_exit) {
	enum settings_wish wish = SETTINGS_RUN;
	struct problem why = {0};
	struct settings *s = NULL;
	enum error e = settings_read(t, argc, argv, envp, target, &s, &wish, &why);
	*ret_exit = error_exit_code(e);
	if (e) {
		(void)fprintf(stderr, "%s: %s (see %s --help)\n", t->program, problem_text(&why), t->program);
		return false;
	}
	if (wish == SETTINGS_RUN) {
		*ret_s = s;
		return true;
	}
	settings_destroy(&s);
	if (wish == SETTINGS_HELP) {
		settings_print_help(t, stdout);
	} else {
		(void)printf("%s %s\n", t->program, TIERGATE_VERSION);
	}
	return false;
}
