/* What grant, revoke and overrides share: an operator's gift on its way into the journal, and out of the store. */
#ifndef CTL_OVERRIDE_H
#define CTL_OVERRIDE_H

#include "ask_journal.h"
#include "open_store.h"
#include "service/catalog_file.h"

/* One call of grant or revoke: the store and the catalog that it looks at, and the journal that it writes to. */
struct override_call {
	const struct call *call;
	struct scope scope;
	struct catalog_file *catalog;
	struct store_view store;
	struct journal_asker journal;
	int64_t now;
	char subject[SUBJECT_MAX + 1]; /* whose it is; a bound customer's id has become its subject's */
	const char *by;
	uint64_t origin, seq; /* of the last record appended */
};

#define ROWS_OVERRIDE                                                                                                  \
	{"WHY",                                                                                                        \
	 SETTING_STRING,                                                                                               \
	 AT(why),                                                                                                      \
	 .flag_only = true,                                                                                            \
	 .required = true,                                                                                             \
	 .help = "the reason, for whoever asks later; required"},                                                      \
		{"BY", SETTING_STRING, AT(by), .flag_only = true, .help = "who does it; default: your login name"},    \
		ROW_MODE_SAID, ROW_ACCOUNT, ROW_STORE_DIR, ROW_CATALOG, ROW_JOURNAL_REPLAY, ROW_CURVE_DIR,             \
		ROW_TIMEOUT, ROW_JSON

/* Opens all three, and checks --why, --by and --account. override_call_close whatever the outcome. */
NODISCARD enum error override_call_open(const struct call *c, struct override_call *ret_o, struct problem *why);
void override_call_close(struct override_call *o);

/* Appends what was said; durable when it returns. */
NODISCARD enum error override_append(struct override_call *o, const struct override_observation *said,
				     struct problem *why);
/* Waits until the store has the last record appended, up to --timeout; false: not yet. */
NODISCARD bool override_wait(struct override_call *o);
/* Adds what is answered about the subject now: tier, reason, until; and "applied". Gives the exit code. */
int override_add_answer(struct override_call *o, bool applied, json_t *result);
/* The line about it, for people. */
void override_print_answer(const json_t *result);

enum override_state { OVERRIDE_STANDING, OVERRIDE_TO_COME, OVERRIDE_OVER, OVERRIDE_REVOKED, OVERRIDE_NOT_GRANTED };
enum override_state override_state(const struct override_register *r, int64_t now);
json_t *override_json(struct view id, const struct override_register *r, bool livemode, int64_t now);
void override_print(const json_t *o);

#endif
