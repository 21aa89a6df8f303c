/* From the command line to a verb. */
#include "verb.h"

#include "base/show.h"
#include "service/nearest.h"
#include "service/setting_value.h"

#include <stdlib.h>

static const struct verb *const verbs[] = {
	&verb_check,
	&verb_get,
	&verb_watch,
	&verb_explain,
	&verb_status,
	&verb_grant,
	&verb_revoke,
	&verb_overrides,
	&verb_journal_list,
	&verb_journal_show,
	&verb_journal_forget,
	&verb_quarantine_list,
	&verb_quarantine_show,
	&verb_quarantine_retry,
	&verb_rebuild,
	&verb_reconcile,
	&verb_send,
	&verb_keygen,
};

static void print_verbs(FILE *out, const char *first_word) {
	size_t n = strlen(first_word);
	for (size_t i = 0; i < ARRAY_LEN(verbs); i++) {
		const char *words = verbs[i]->words;
		if (n > 0 && (strncmp(words, first_word, n) != 0 || words[n] != ' ')) continue;
		const char *arguments = verbs[i]->table->arguments ? verbs[i]->table->arguments : "";
		int width = 42 - (int)strlen(words);
		for (const char *c = arguments; *c; c++) width += (*c & 0xC0) == 0x80; /* of UTF-8: takes no column */
		(void)fprintf(out, "  %s %-*s  %s\n", words, width, arguments, verbs[i]->summary);
	}
}

static void print_help(FILE *out) {
	(void)fprintf(out, "usage: tiergate VERB [flags] …\n\nThe operator's command of Tiergate.\n\n");
	print_verbs(out, "");
	(void)fprintf(out,
		      "\n`tiergate VERB --help` has each verb's flags; all take --json.\n"
		      "Exit codes: 0 ok or yes, 1 no, 64 usage, 69 unavailable, 74 input/output, 78 configuration.\n");
}

/* Does that flag, standing alone, take the next word as its value? Flags that no verb has: no. */
static bool takes_value(const char *flag) {
	if (strchr(flag, '=')) return false;
	for (size_t i = 0; i < ARRAY_LEN(verbs); i++) {
		const struct settings_table *t = verbs[i]->table;
		for (size_t k = 0; k < t->count; k++) {
			if (t->rows[k].type == SETTING_BOOL) continue;
			struct flag_name name = setting_flag(&t->rows[k]);
			size_t n = strlen(name.text);
			if (strncmp(flag + 2, name.text, n) != 0) continue;
			if (flag[2 + n] == '\0' || strcmp(flag + 2 + n, "-file") == 0) return true;
		}
	}
	return false;
}

/* The place of the first word that is no flag, from `at` on; argc when there is none. */
static int next_word(int argc, char **argv, int at) {
	for (; at < argc; at++) {
		if (argv[at][0] != '-' || argv[at][1] == '\0') return at;
		if (strcmp(argv[at], "--") == 0) return argc;
		if (argv[at][1] == '-' && takes_value(argv[at])) at++;
	}
	return argc;
}

static const struct verb *find(const char *first, const char *second) {
	size_t n = strlen(first);
	for (size_t i = 0; i < ARRAY_LEN(verbs); i++) {
		const char *words = verbs[i]->words;
		if (strcmp(words, first) == 0) return verbs[i];
		if (second && strncmp(words, first, n) == 0 && words[n] == ' ' && strcmp(words + n + 1, second) == 0)
			return verbs[i];
	}
	return NULL;
}

static bool is_group(const char *word) {
	size_t n = strlen(word);
	for (size_t i = 0; i < ARRAY_LEN(verbs); i++)
		if (strncmp(verbs[i]->words, word, n) == 0 && verbs[i]->words[n] == ' ') return true;
	return false;
}

static int no_such_verb(const char *first, const char *second) {
	if (is_group(first)) {
		FILE *out = stderr;
		if (second) {
			(void)fprintf(out, "tiergate: '%s %s' is no verb; there are\n", first, show_str(second).text);
		} else {
			(void)fprintf(out, "tiergate: '%s' needs one word more; there are\n", first);
		}
		print_verbs(out, first);
		return 64;
	}
	struct nearest near = {0};
	for (size_t i = 0; i < ARRAY_LEN(verbs); i++) nearest_try(&near, view_str(first), verbs[i]->words);
	nearest_try(&near, view_str(first), "journal");
	nearest_try(&near, view_str(first), "quarantine");
	(void)fprintf(stderr, "tiergate: '%s' is no verb%s%s%s (see tiergate --help)\n", show_str(first).text,
		      near.name ? "; did you mean " : "", near.name ? near.name : "", near.name ? "?" : "");
	return 64;
}

static bool has_flag(int argc, char **argv, const char *flag, const char *letter) {
	for (int i = 1; i < argc && strcmp(argv[i], "--") != 0; i++)
		if (strcmp(argv[i], flag) == 0 || strcmp(argv[i], letter) == 0) return true;
	return false;
}

static int without_verb(int argc, char **argv, const char *first) {
	if (has_flag(argc, argv, "--version", "-V")) {
		(void)printf("tiergate %s\n", TIERGATE_VERSION);
		return 0;
	}
	if (has_flag(argc, argv, "--help", "-h") || (first && strcmp(first, "help") == 0)) {
		print_help(stdout);
		return 0;
	}
	if (!first) {
		print_help(stderr);
		return 64;
	}
	return -1;
}

static int run_verb(const struct verb *verb, int argc, char **argv, char **envp) {
	struct call c = {.verb = verb, .s = {.mode = MODE_EITHER}};
	int exit_code = 0;
	if (!settings_begin(verb->table, argc, argv, envp, &c.s, &c.settings, &exit_code)) return exit_code;
	exit_code = verb->run(&c);
	settings_destroy(&c.settings);
	return exit_code;
}

int ctl_run(int argc, char **argv, char **envp) {
	int first = next_word(argc, argv, 1);
	int second = next_word(argc, argv, first + 1);
	const char *word = first < argc ? argv[first] : NULL, *next = second < argc ? argv[second] : NULL;
	const struct verb *verb = word ? find(word, next) : NULL;
	if (!verb) {
		int code = without_verb(argc, argv, word);
		return code >= 0 ? code : no_such_verb(word, next);
	}
	/* the rest without the verb's words: flags may stand before and after it */
	bool two = strchr(verb->words, ' ') != NULL;
	char **rest = calloc((size_t)argc + 1, sizeof *rest);
	if (!rest) return error_exit_code(ERR_MEMORY);
	int n = 0;
	for (int i = 0; i < argc; i++)
		if (i != first && !(two && i == second)) rest[n++] = argv[i];
	int code = run_verb(verb, n, rest, envp);
	free(rest);
	return code;
}
