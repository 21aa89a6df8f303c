/* The operator's command: `tiergate VERB …`. One verb is one file with a table of settings and a function.
 *
 * Every verb takes --json: then standard output is one JSON value, also for an error ({"err": {code, msg}}).
 * Without it the output is for people, and control characters in what came from outside are shown as '?'.
 * Exit codes: 0 done (check: allowed; status: all ready), 1 no (check: denied; send: refused),
 * 64 usage, 69 unavailable, 74 input/output, 78 configuration.
 */
#ifndef CTL_VERB_H
#define CTL_VERB_H

#include "base/error.h"
#include "service/settings.h"
#include <jansson.h>

#define MODE_EITHER 2 /* not said: whichever knows it, live before test */

/* All verbs share one struct; each table has the rows that it needs. */
struct ctl_settings {
	bool json;
	struct endpoints query, feed;
	int64_t timeout_ms;
	const char *store_dir;
	const char *catalog;
	struct endpoints journal_replay; /* of these three the first is asked */
	struct endpoints control;
	const char *ingress_admin, *entitlement_admin, *query_admin;
	const char *webhook_secrets;
	const char *webhook_url;
	unsigned mode; /* 0 live, 1 test, MODE_EITHER */
	const char *account;
	const char *curve_dir; /* NULL: no keys */
	const char *may;
	const char *public_key;
	bool if_missing;
	const char *tier;
	const char *feature;
	const char *at;
	uint64_t min_ver;
	uint64_t from;
	uint64_t max;
	const char *type;
	unsigned only;
	const char *label;
	bool set_created_now;
	bool dry_run, full;
	const char *reconciler_admin;
	const char *billing_admin;
	int64_t wait_ms;
	bool journal_alone;
	struct endpoints reconciler;
	const char *until;
	const char *why;
	const char *by;
};

#define AT(member) offsetof(struct ctl_settings, member)

#define ROW_JSON                                                                                                       \
	{ "JSON", SETTING_BOOL, AT(json), .flag_only = true, .help = "print JSON" }
#define ROW_TIMEOUT                                                                                                    \
	{                                                                                                              \
		"TIMEOUT", SETTING_DURATION, AT(timeout_ms), .fallback = "5s", .min = 1, .max = 60000,                 \
							     .help = "how long to wait for an answer"                  \
	}
#define ROW_QUERY                                                                                                      \
	{                                                                                                              \
		"QUERY", SETTING_ENDPOINTS, AT(query), .fallback = "tcp://127.0.0.1:8721",                             \
						       .help = "where tiergate-query answers"                          \
	}
#define ROW_FEED                                                                                                       \
	{                                                                                                              \
		"FEED", SETTING_ENDPOINTS, AT(feed), .fallback = "tcp://127.0.0.1:8722",                               \
						     .help = "and where it tells of changes, in the same order"        \
	}
#define ROW_CURVE_DIR                                                                                                  \
	{                                                                                                              \
		"CURVE_DIR", SETTING_DIR, AT(curve_dir),                                                               \
			.help = "keys, for endpoints that are not local: client.key and server.pub"                    \
	}
#define ROW_STORE_DIR                                                                                                  \
	{                                                                                                              \
		"STORE_DIR", SETTING_DIR, AT(store_dir), .fallback = "./data/entitlements",                            \
							 .help = "the entitlement store, which is only read"           \
	}
#define ROW_CATALOG                                                                                                    \
	{ "CATALOG", SETTING_FILE, AT(catalog), .fallback = "./tiers.yaml", .help = "the catalog of tiers" }
#define ROW_JOURNAL_REPLAY                                                                                             \
	{                                                                                                              \
		"JOURNAL_REPLAY", SETTING_ENDPOINTS, AT(journal_replay),                                               \
			.fallback = "ipc://./data/journal-replay",                                                     \
			.help = "where tiergate-ingress answers for its journal"                                       \
	}
#define ROW_CONTROL                                                                                                    \
	{                                                                                                              \
		"CONTROL", SETTING_ENDPOINTS, AT(control), .fallback = "ipc://./data/control",                         \
							   .help = "where tiergate-entitlement takes requests"         \
	}
#define ROW_AT                                                                                                         \
	{                                                                                                              \
		"AT", SETTING_STRING, AT(at), .flag_only = true,                                                       \
					      .help = "at this moment: 2026-11-22T10:45:18Z or unix seconds; "         \
						      "in the past: what was answered then"                            \
	}
#define ROW_RECONCILER                                                                                                 \
	{                                                                                                              \
		"RECONCILER", SETTING_ENDPOINTS, AT(reconciler), .fallback = "ipc://./data/reconciler",                \
								 .help = "where tiergate-reconciler takes requests"    \
	}
#define ROW_MODE                                                                                                       \
	{                                                                                                              \
		"MODE", SETTING_CHOICE, AT(mode), .choices = "live|test",                                              \
						  .help = "whose objects; not given: live ones, else test ones"        \
	}
#define ROW_ACCOUNT                                                                                                    \
	{                                                                                                              \
		"ACCOUNT", SETTING_STRING, AT(account),                                                                \
			.flag_only = true, .help = "a connected account, acct_…; not given: the platform's own"      \
	}

/* For what is written: never guessed. */
#define ROW_MODE_SAID                                                                                                  \
	{ "MODE", SETTING_CHOICE, AT(mode), .fallback = "live", .choices = "live|test", .help = "whose objects" }

struct verb;

/* One call of a verb. */
struct call {
	const struct verb *verb;
	struct settings *settings;
	struct ctl_settings s;
};

struct verb {
	const char *words;   /* "journal list" */
	const char *summary; /* one line of `tiergate --help` */
	const struct settings_table *table;
	int (*run)(const struct call *c); /* gives the exit code */
};

extern const struct verb verb_keygen, verb_check, verb_get, verb_explain, verb_status, verb_journal_list,
	verb_journal_show, verb_journal_forget, verb_rebuild, verb_grant, verb_revoke, verb_overrides,
	verb_quarantine_list, verb_quarantine_show, verb_quarantine_retry, verb_send, verb_reconcile, verb_watch;

/* Picks the verb out of argv and runs it. Gives the exit code. */
int ctl_run(int argc, char **argv, char **envp);

/* Prints the problem, on standard error or as JSON, and gives its exit code. */
int call_failed(const struct call *c, enum error e, const struct problem *why);

/* Prints the result, which is taken over, as JSON or with `show` (which gets it with control characters
 * replaced), and gives `exit_code`; 74 when standard output cannot be written, 69 without memory (result NULL). */
int call_done(const struct call *c, json_t *result, void (*show)(const json_t *result), int exit_code);

/* Shows one piece of a result that is still growing, with `show`; nothing with --json. The value stays the caller's. */
void call_show(const struct call *c, json_t *value, void (*show)(const json_t *value));

/* The first argument. */
static inline const char *call_argument(const struct call *c) { return settings_argument(c->settings, 0); }

#endif
