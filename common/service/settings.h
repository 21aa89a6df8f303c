/* Settings: one table per service, from which flags, environment names and --help are derived.
 *
 *     static const struct setting rows[] = {
 *             {"JOURNAL_DIR", SETTING_DIR, offsetof(struct ingress_settings, journal_dir),
 *              .fallback = "./data/journal", .help = "where the journal is"},
 *
 * gives TIERGATE_JOURNAL_DIR and --journal-dir. A flag beats the environment, which beats the default. A
 * SETTING_SECRET is also read from the file named by TIERGATE_X_FILE or --x-file; giving both
 * forms in one place is an error. An empty environment variable counts as not set.
 *
 * Refused, each with a sentence that names the setting as the person wrote it:
 *   a TIERGATE_* name that no service has (setting_names.h), a bad or a missing value   ERR_CONFIG (exit 78)
 *   an endpoint that is not local without a CURVE_DIR (net/curve_keys.h)                ERR_CONFIG
 *   a flag that this program does not have, an argument too many or too few             ERR_USAGE  (exit 64)
 * A TIERGATE_* name of another service is fine: services share environments.
 */
#ifndef SERVICE_SETTINGS_H
#define SERVICE_SETTINGS_H

#include "base/error.h"
#include "base/view.h"
#include "net/zsocket.h"
#include <stdio.h>

#define SETTINGS_MAX 40        /* rows of one table */
#define SETTING_NAME_MAX 80    /* bytes of a name with the NUL, also as a flag */
#define SETTING_VALUE_MAX 4096 /* bytes of one value */
#define SECRET_FILE_MAX 65536u /* and of a secret's */

/* The type decides how the text is checked and what is stored at the row's offset. Strings belong to the
 * `struct settings` and live until settings_destroy. */
enum setting_type {
	SETTING_STRING,    /* const char *; NULL when neither given nor with a default */
	SETTING_BOOL,      /* bool: true|false|yes|no|on|off|1|0; the bare flag means true */
	SETTING_U64,       /* uint64_t, decimal, min to max */
	SETTING_DURATION,  /* int64_t ms: "90s", "7d"; min to max in ms */
	SETTING_SIZE,      /* uint64_t bytes: digits and at most one of K M G T (1024); min to max */
	SETTING_LISTEN,    /* const char *: "127.0.0.1:8701", "[::1]:8701"; port 0: any free one */
	SETTING_ENDPOINT,  /* const char * that passed endpoint_parse (net/zsocket.h) */
	SETTING_ENDPOINTS, /* struct endpoints: a list separated by `;` */
	SETTING_PAIRS,     /* struct endpoint_pairs: "pub,replay" pairs separated by `;` */
	SETTING_DIR,       /* const char *; not empty; need not exist */
	SETTING_FILE,      /* const char *; not empty; need not exist */
	SETTING_SECRET,    /* const char *; wiped by settings_destroy and never printed */
	SETTING_CHOICE,    /* unsigned: the index in `choices` */
};

struct setting {
	const char *name; /* "JOURNAL_DIR" */
	enum setting_type type;
	unsigned offset;      /* in the target struct */
	const char *fallback; /* the default, as a person would write it; NULL: none */
	const char *help;     /* one line, lower case, no full stop */
	const char *choices;  /* SETTING_CHOICE: "logfmt|json" */
	uint64_t min, max;    /* U64, DURATION (ms), SIZE; max 0: no upper limit */
	bool required;        /* an error when there is no value */
	bool flag_only;       /* no environment name: the arguments of one command */
	bool secret_lines;    /* SETTING_SECRET: several lines are fine (else one line) */
};

struct settings_table {
	const char *program;   /* "tiergate-ingress" */
	const char *purpose;   /* one sentence for --help */
	const char *arguments; /* the positional ones for the usage line, "SUBJECT"; NULL: none are taken */
	unsigned arguments_min, arguments_max;
	const char *notes;  /* more text at the end of --help; may be NULL */
	const char *exit_1; /* "1 denied", when it exits with 1 as well; NULL: never */
	const struct setting *rows;
	size_t count;
};

/* ADMIN_LISTEN, LOG_LEVEL and LOG_FORMAT are in every service's table: see service/start.h. */

struct settings;

enum settings_wish { SETTINGS_RUN, SETTINGS_HELP, SETTINGS_VERSION };

/* Reads argv and envp (NULL-terminated "K=V" strings; they and argv outlive the result) into *target, which
 * is filled in only on success with SETTINGS_RUN. `argv[0]` is skipped. Flags may stand before and after
 * arguments; "--" ends them. Does not touch getopt's globals for anyone else: one call at a time. */
NODISCARD enum error settings_read(const struct settings_table *t, int argc, char *const *argv, char *const *envp,
				   void *target, struct settings **ret_s, enum settings_wish *ret_wish,
				   struct problem *why);
/* Wipes the secrets. The target's strings are invalid afterwards. */
void settings_destroy(struct settings **s);

/* The positional arguments in order. */
unsigned settings_argument_count(const struct settings *s);
const char *settings_argument(const struct settings *s, unsigned i);

/* A secret as it is now: read again when it came from a file (for SIGHUP), else the same text. On success
 * *ret_text and the target have the new text and the old one is wiped; on failure nothing has changed. */
NODISCARD enum error settings_reread(struct settings *s, const char *name, const char **ret_text, struct problem *why);

/* How the person wrote it, for a message about the value: "--journal-dir", "TIERGATE_JOURNAL_DIR" or, for a
 * default, "the default of --journal-dir". NULL for an unknown name. */
const char *settings_origin(const struct settings *s, const char *name);

/* Adds to a problem that is about a setting's value, and does not say so, how the setting is called: "… (--journal-dir
 * or TIERGATE_JOURNAL_DIR)", as far as there is room. Returns e; OK leaves the problem alone. */
NODISCARD enum error setting_blame(const char *name, enum error e, struct problem *why);

void settings_print_help(const struct settings_table *t, FILE *out);

/* For main(): settings_read; prints --help and --version to stdout, a problem to stderr with a pointer to --help.
 * True: go on. False: leave with *ret_exit. */
NODISCARD bool settings_begin(const struct settings_table *t, int argc, char *const *argv, char *const *envp,
			      void *target, struct settings **ret_s, int *ret_exit);

#endif
