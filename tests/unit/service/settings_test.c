#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include <cmocka.h>

#include "service/setting_names.h"
#include "service/settings.h"

struct target {
	const char *listen;
	bool json;
	uint64_t count;
	int64_t wait_ms;
	uint64_t size;
	const char *dir;
	struct endpoints binds;
	struct endpoint_pairs journals;
	const char *secrets;
	unsigned mode;
	const char *replay;
	const char *tier;
};

#define AT(field) offsetof(struct target, field)

static const struct setting rows[] = {
	{"LISTEN", SETTING_LISTEN, AT(listen), .fallback = "127.0.0.1:8701", .help = "where it listens"},
	{"JSON", SETTING_BOOL, AT(json), .fallback = "false", .help = "as JSON", .flag_only = true},
	{"MAP_SIZE", SETTING_SIZE, AT(size), .fallback = "64G", .help = "of the map", .min = 4096},
	{"TIMEOUT", SETTING_DURATION, AT(wait_ms), .fallback = "5s", .help = "to wait", .min = 10, .max = 60000},
	{"JOURNAL_DIR", SETTING_DIR, AT(dir), .fallback = "./data/journal", .help = "of the journal"},
	{"QUERY_BIND", SETTING_ENDPOINTS, AT(binds), .fallback = "tcp://127.0.0.1:8721", .help = "for checks"},
	{"JOURNALS", SETTING_PAIRS, AT(journals), .fallback = "ipc://a,ipc://b", .help = "pairs"},
	{"WEBHOOK_SECRETS", SETTING_SECRET, AT(secrets), .help = "secrets", .required = true, .secret_lines = true},
	{"MODE", SETTING_CHOICE, AT(mode), .fallback = "live", .choices = "live|test", .help = "which objects"},
	{"JOURNAL_REPLAY", SETTING_ENDPOINT, AT(replay), .help = "asked for records"},
	{"MAX", SETTING_U64, AT(count), .fallback = "7", .help = "how many", .min = 1, .max = 1000, .flag_only = true},
	{"TIER", SETTING_STRING, AT(tier), .help = "a tier", .flag_only = true},
};

static const struct settings_table table = {
	.program = "tiergate-thing",
	.purpose = "Does a thing.",
	.arguments = "[SUBJECT]",
	.arguments_max = 1,
	.rows = rows,
	.count = ARRAY_LEN(rows),
};

struct outcome {
	enum error error;
	enum settings_wish wish;
	struct problem why;
	struct target target;
	struct settings *settings;
};

#define WORDS_MAX 8

/* flags and environment as one string each, separated by spaces. */
static struct outcome *run(const char *flags, const char *environment) {
	static struct outcome o;
	static char flag_text[4096], env_text[4096];
	char *argv[WORDS_MAX + 2] = {(char *)(uintptr_t) "tiergate-thing"}, *envp[WORDS_MAX + 1] = {0};
	int argc = 1;
	(void)snprintf(flag_text, sizeof flag_text, "%s", flags);
	(void)snprintf(env_text, sizeof env_text, "%s", environment);
	for (char *at = flag_text; *at && argc <= WORDS_MAX; argc++) {
		argv[argc] = at;
		at += strcspn(at, " ");
		if (*at) *at++ = '\0';
	}
	int n = 0;
	for (char *at = env_text; *at && n < WORDS_MAX; n++) {
		envp[n] = at;
		at += strcspn(at, " ");
		if (*at) *at++ = '\0';
	}
	settings_destroy(&o.settings);
	o = (struct outcome){0};
	memset(&o.target, 0x5a, sizeof o.target);
	o.error = settings_read(&table, argc, argv, envp, &o.target, &o.settings, &o.wish, &o.why);
	return &o;
}

#define SECRET "TIERGATE_WEBHOOK_SECRETS=whsec_x"

static void gives_defaults(void **state) {
	(void)state;
	struct outcome *o = run("", SECRET);
	assert_int_equal(o->error, OK);
	assert_int_equal(o->wish, SETTINGS_RUN);
	assert_string_equal(o->target.listen, "127.0.0.1:8701");
	assert_false(o->target.json);
	assert_int_equal(o->target.size, UINT64_C(64) << 30);
	assert_int_equal(o->target.wait_ms, 5000);
	assert_string_equal(o->target.dir, "./data/journal");
	assert_int_equal(o->target.binds.count, 1);
	assert_string_equal(o->target.binds.at[0], "tcp://127.0.0.1:8721");
	assert_string_equal(o->target.journals.at[0].replay, "ipc://b");
	assert_string_equal(o->target.secrets, "whsec_x");
	assert_int_equal(o->target.mode, 0);
	assert_int_equal(o->target.count, 7);
	assert_string_equal(settings_origin(o->settings, "LISTEN"), "the default of --listen");
	assert_string_equal(settings_origin(o->settings, "WEBHOOK_SECRETS"), "TIERGATE_WEBHOOK_SECRETS");
	assert_null(settings_origin(o->settings, "NO_SUCH"));
}

static void flag_beats_environment_beats_default(void **state) {
	(void)state;
	struct outcome *o = run("--map-size=8K --timeout 30s", SECRET " TIERGATE_MAP_SIZE=1M TIERGATE_MODE=test");
	assert_int_equal(o->error, OK);
	assert_int_equal(o->target.size, 8192);
	assert_int_equal(o->target.wait_ms, 30000);
	assert_int_equal(o->target.mode, 1);
	assert_string_equal(settings_origin(o->settings, "MAP_SIZE"), "--map-size");
	assert_string_equal(settings_origin(o->settings, "MODE"), "TIERGATE_MODE");
	o = run("--max 1 --max 2", SECRET);
	assert_int_equal(o->target.count, 2);
	o = run("", SECRET " TIERGATE_MODE=");
	assert_int_equal(o->target.mode, 0);
}

static void takes_arguments_among_flags(void **state) {
	(void)state;
	struct outcome *o = run("user_1 --json", SECRET);
	assert_int_equal(o->error, OK);
	assert_true(o->target.json);
	assert_int_equal(settings_argument_count(o->settings), 1);
	assert_string_equal(settings_argument(o->settings, 0), "user_1");
	o = run("--json -- --odd", SECRET);
	assert_int_equal(o->error, OK);
	assert_string_equal(settings_argument(o->settings, 0), "--odd");
	o = run("--json=false user_1", SECRET);
	assert_false(o->target.json);
	assert_null(settings_argument(o->settings, 1));
}

/* Other services' names are fine, and so is what does not start with TIERGATE_. */
static void knows_other_services_names(void **state) {
	(void)state;
	assert_int_equal(
		run("", SECRET " TIERGATE_STORE_DIR=/x TIERGATE_SEED=1 PATH=/bin TIERGATEX=1 TIERGATE_CATALOG=")->error,
		OK);
}

struct refusal {
	const char *flags, *environment, *says;
	enum error error;
};

static void refuses_with_a_sentence(void **state) {
	static const struct refusal cases[] = {
		{"", "", "--webhook-secrets or TIERGATE_WEBHOOK_SECRETS (or its _FILE) is missing", ERR_CONFIG},
		{"", SECRET " TIERGATE_JOURNAL_DRI=x",
		 "TIERGATE_JOURNAL_DRI: no service has such a setting; did you mean "
		 "TIERGATE_JOURNAL_DIR?",
		 ERR_CONFIG},
		{"", SECRET " TIERGATE_WEBHOOK_SECRET_FILE=x", "did you mean TIERGATE_WEBHOOK_SECRETS_FILE?",
		 ERR_CONFIG},
		{"", SECRET " TIERGATE_LISTEN_FILE=x", "TIERGATE_LISTEN_FILE: no service", ERR_CONFIG},
		{"", SECRET " TIERGATE_ZZZZZZ=x", "TIERGATE_ZZZZZZ: no service has such a setting", ERR_CONFIG},
		{"", SECRET " TIERGATE_=x", "TIERGATE_: no service", ERR_CONFIG},
		{"", SECRET " TIERGATE_LISTEN=here", "TIERGATE_LISTEN: 'here' is not host:port", ERR_CONFIG},
		{"--listen 1.2.3.4:70000", SECRET, "--listen: '1.2.3.4:70000' is not host:port", ERR_CONFIG},
		{"--listen ::1:80", SECRET, "--listen:", ERR_CONFIG},
		{"--listen=", SECRET, "--listen: is empty", ERR_CONFIG},
		{"--map-size 12Q", SECRET, "--map-size: '12Q' is not a size", ERR_CONFIG},
		{"--map-size 1", SECRET, "--map-size: 1 is out of range", ERR_CONFIG},
		{"--map-size 99999999999999T", SECRET, "is not a size", ERR_CONFIG},
		{"--timeout 5", SECRET, "--timeout: '5' is not a duration", ERR_CONFIG},
		{"--timeout 61s", SECRET, "--timeout: 61s is out of range: at least 10ms and at most 1m", ERR_CONFIG},
		{"--mode prod", SECRET, "--mode: 'prod' is none of live|test", ERR_CONFIG},
		{"--mode liv", SECRET, "none of", ERR_CONFIG},
		{"--journal-dir=", SECRET, "--journal-dir: is empty", ERR_CONFIG},
		{"--query-bind tcp://a/b:1", SECRET, "--query-bind: 'tcp://a/b:1': the host is an address", ERR_CONFIG},
		{"--journals ipc://a", SECRET, "--journals: 'ipc://a' is no pair", ERR_CONFIG},
		{"--journal-replay udp://x", SECRET, "--journal-replay: 'udp://x' is no endpoint", ERR_CONFIG},
		{"--webhook-secrets-file /no/such", "", "--webhook-secrets-file: cannot open /no/such", ERR_CONFIG},
		{"--webhook-secrets a --webhook-secrets-file b", "", "given both itself and as a file", ERR_CONFIG},
		{"", SECRET " TIERGATE_WEBHOOK_SECRETS_FILE=b", "TIERGATE_WEBHOOK_SECRETS is given both", ERR_CONFIG},
		/* a command's own arguments: usage */
		{"--max 0", SECRET, "--max: 0 is not in 1 to 1000", ERR_USAGE},
		{"--max ten", SECRET, "--max: 'ten' is not a whole number", ERR_USAGE},
		{"--json=maybe", SECRET, "--json: 'maybe' is neither true nor false", ERR_USAGE},
		{"--journal-drr x", SECRET, "--journal-drr: no such flag; did you mean --journal-dir?", ERR_USAGE},
		{"--nonsense=5", SECRET, "--nonsense: no such flag", ERR_USAGE},
		{"-x", SECRET, "-x: no such flag", ERR_USAGE},
		{"--listen", SECRET, "--listen needs a value", ERR_USAGE},
		{"one two", SECRET, "'two' is an argument too many", ERR_USAGE},
	};
	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		struct outcome *o = run(cases[i].flags, cases[i].environment);
		if (o->error != cases[i].error || !strstr(o->why.text, cases[i].says))
			fail_msg("[%s] [%s]: %d %s", cases[i].flags, cases[i].environment, (int)o->error, o->why.text);
		struct target untouched;
		memset(&untouched, 0x5a, sizeof untouched);
		assert_memory_equal(&o->target, &untouched, sizeof untouched);
		assert_null(o->settings);
	}
}

static void never_shows_a_secret(void **state) {
	(void)state;
	struct outcome *o = run("--webhook-secrets whsec_hush --timeout bad", "");
	assert_int_equal(o->error, ERR_CONFIG);
	assert_null(strstr(o->why.text, "hush"));
}

static char *make_file(const void *bytes, size_t n) {
	static char path[] = "/tmp/tiergate-settings-XXXXXX";
	(void)snprintf(path, sizeof path, "%s", "/tmp/tiergate-settings-XXXXXX");
	int fd = mkstemp(path);
	assert_true(fd >= 0);
	assert_int_equal(write(fd, bytes, n), (ssize_t)n);
	close(fd);
	return path;
}

static struct outcome *run_with_file(const void *bytes, size_t n) {
	char environment[128];
	char *path = make_file(bytes, n);
	(void)snprintf(environment, sizeof environment, "TIERGATE_WEBHOOK_SECRETS_FILE=%s", path);
	struct outcome *o = run("", environment);
	unlink(path);
	return o;
}

static void reads_a_secret_from_its_file(void **state) {
	(void)state;
	assert_string_equal(run_with_file("dev test whsec_1\nb live whsec_2\n", 32)->target.secrets,
			    "dev test whsec_1\nb live whsec_2");
	assert_string_equal(run_with_file("whsec_1\r\n\n", 10)->target.secrets, "whsec_1");
	assert_non_null(strstr(run_with_file("", 0)->why.text, "is empty"));
	assert_non_null(strstr(run_with_file("\n", 1)->why.text, "is empty"));
	assert_non_null(strstr(run_with_file("a\0b", 3)->why.text, "has a NUL byte"));
	char *large = malloc(SECRET_FILE_MAX + 1);
	assert_non_null(large);
	memset(large, 'x', SECRET_FILE_MAX + 1);
	assert_int_equal(run_with_file(large, SECRET_FILE_MAX)->error, OK);
	assert_non_null(strstr(run_with_file(large, SECRET_FILE_MAX + 1)->why.text, "is over 65536 bytes"));
	free(large);
}

static void rereads_a_secret(void **state) {
	(void)state;
	char flags[128];
	char *path = make_file("first", 5);
	(void)snprintf(flags, sizeof flags, "--webhook-secrets-file %s", path);
	struct outcome *o = run(flags, "");
	assert_string_equal(o->target.secrets, "first");

	assert_int_equal(truncate(path, 0), 0);
	const char *text = NULL;
	struct problem why = {0};
	assert_int_equal(settings_reread(o->settings, "WEBHOOK_SECRETS", &text, &why), ERR_CONFIG);
	assert_null(text);
	assert_string_equal(o->target.secrets, "first");

	FILE *f = fopen(path, "w");
	assert_non_null(f);
	assert_true(fputs("second\n", f) >= 0);
	assert_int_equal(fclose(f), 0);
	assert_int_equal(settings_reread(o->settings, "WEBHOOK_SECRETS", &text, &why), OK);
	assert_string_equal(text, "second");
	assert_ptr_equal(o->target.secrets, text);
	unlink(path);

	assert_int_equal(settings_reread(o->settings, "LISTEN", &text, &why), ERR_INTERNAL);
}

static void wishes_for_help_need_nothing(void **state) {
	(void)state;
	assert_int_equal(run("--help", "TIERGATE_NONSENSE=1")->wish, SETTINGS_HELP);
	assert_int_equal(run("-h", "")->wish, SETTINGS_HELP);
	struct outcome *o = run("--version", "");
	assert_int_equal(o->error, OK);
	assert_int_equal(o->wish, SETTINGS_VERSION);
}

static void help_names_everything(void **state) {
	(void)state;
	char *text = NULL;
	size_t n = 0;
	FILE *out = open_memstream(&text, &n);
	assert_non_null(out);
	settings_print_help(&table, out);
	assert_int_equal(fclose(out), 0);
	static const char *const has[] = {"usage: tiergate-thing [flags] [SUBJECT]",
					  "Does a thing.",
					  "--listen HOST:PORT",
					  "TIERGATE_LISTEN; default 127.0.0.1:8701",
					  "--mode live|test",
					  "a file: TIERGATE_WEBHOOK_SECRETS_FILE, --webhook-secrets-file; required",
					  "--json",
					  "Exit codes: 0 ok, 64 usage"};
	for (size_t i = 0; i < ARRAY_LEN(has); i++)
		if (!strstr(text, has[i])) fail_msg("'%s' is not in:\n%s", has[i], text);
	assert_null(strstr(text, "TIERGATE_JSON"));
	free(text);
}

/* Every prefix of a good value of each type is answered, not crashed on. */
static void answers_every_prefix(void **state) {
	static const char *const flags[] = {"--listen=[::1]:8701", "--map-size=64G", "--timeout=10s",
					    "--query-bind=tcp://[::1]:*;ipc://x/y",
					    "--journals=ipc://a,ipc://b;ipc://c,ipc://d"};
	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(flags); i++) {
		char flag[64];
		for (size_t n = strlen(flags[i]); n > 2; n--) {
			(void)snprintf(flag, n + 1, "%s", flags[i]);
			struct outcome *o = run(flag, SECRET);
			assert_true(o->error == OK || o->error == ERR_CONFIG || o->error == ERR_USAGE);
			assert_true((o->error == OK) == (o->why.text[0] == '\0'));
			if (n == strlen(flags[i])) assert_int_equal(o->error, OK);
		}
	}
}

static void a_row_that_no_list_has_does_not_start(void **state) {
	static const struct setting row[] = {{"NEVER_LISTED", SETTING_STRING, AT(tier), .help = "x"}};
	static const struct settings_table odd = {.program = "odd", .purpose = "x", .rows = row, .count = 1};
	(void)state;
	struct target target;
	struct settings *s = NULL;
	enum settings_wish wish;
	struct problem why = {0};
	assert_int_equal(settings_read(&odd, 0, NULL, NULL, &target, &s, &wish, &why), ERR_INTERNAL);
	assert_non_null(strstr(why.text, "NEVER_LISTED"));
}

static void names_are_sorted_and_distinct(void **state) {
	static const char *const names[] = {
#define X(name, file) name,
		SETTING_NAMES(X)
#undef X
	};
	(void)state;
	for (size_t i = 1; i < ARRAY_LEN(names) - 2; i++) /* SEED and ROUNDS stand at the end */
		if (strcmp(names[i - 1], names[i]) >= 0) fail_msg("%s, %s", names[i - 1], names[i]);
}

int main(void) {
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(gives_defaults),
		cmocka_unit_test(flag_beats_environment_beats_default),
		cmocka_unit_test(takes_arguments_among_flags),
		cmocka_unit_test(knows_other_services_names),
		cmocka_unit_test(refuses_with_a_sentence),
		cmocka_unit_test(never_shows_a_secret),
		cmocka_unit_test(reads_a_secret_from_its_file),
		cmocka_unit_test(rereads_a_secret),
		cmocka_unit_test(wishes_for_help_need_nothing),
		cmocka_unit_test(help_names_everything),
		cmocka_unit_test(answers_every_prefix),
		cmocka_unit_test(a_row_that_no_list_has_does_not_start),
		cmocka_unit_test(names_are_sorted_and_distinct),
	};
	int failed = cmocka_run_group_tests(tests, NULL, NULL);
	run("", "");
	return failed;
}
