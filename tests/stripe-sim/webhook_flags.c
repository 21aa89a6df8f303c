#include "webhook_flags.h"

/* The value of a flag at argv[*i], which then moves to its last word; NULL: another flag, or no value. */
static const char *value_of(const char *flag, int argc, char **argv, int *i) {
	size_t n = strlen(flag);
	if (strncmp(argv[*i], flag, n) != 0) return NULL;
	if (argv[*i][n] == '=') return argv[*i] + n + 1;
	if (argv[*i][n] != 0 || *i + 1 >= argc) return NULL;
	return argv[++*i];
}

enum error webhook_flags_take(int *argc, char **argv, struct webhook_flags *ret_flags, struct problem *why) {
	struct webhook_flags f = {.count = 0};
	const char *url = NULL;
	int kept = 1;
	for (int i = 1; i < *argc; i++) {
		const char *given = value_of("--webhook", *argc, argv, &i);
		const char *secret = given ? NULL : value_of("--webhook-secret", *argc, argv, &i);
		if (!given && !secret) {
			argv[kept++] = argv[i];
			continue;
		}
		if (given ? url != NULL : !url)
			return problem_set(why, ERR_USAGE, "each --webhook is followed by its --webhook-secret");
		if (given) {
			url = given;
			continue;
		}
		if (f.count == EDGE_WEBHOOKS_MAX)
			return problem_set(why, ERR_USAGE, "at most %d webhooks", EDGE_WEBHOOKS_MAX);
		f.at[f.count].url = url;
		f.at[f.count++].secret = secret;
		url = NULL;
	}
	if (url) return problem_set(why, ERR_USAGE, "%s has no --webhook-secret", url);
	argv[kept] = NULL;
	*argc = kept;
	*ret_flags = f;
	return OK;
}
