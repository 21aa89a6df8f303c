/* Keys for endpoints that are not local: CURVE (https://rfc.zeromq.org/spec/26), one pair for each side.
 *
 * A directory, the setting CURVE_DIR:
 *
 *   server.key         this installation's pair, mode 0600; services that bind need it
 *   server.pub         its public half: what clients are given. Whoever connects expects it of every server,
 *   servers/HOST.pub   but of this host: HOST as it stands in the endpoint, a name or an address (without [])
 *   allowed/NAME.pub   a client that may connect, and what it may ask; NAME is 1 to CURVE_NAME_MAX of A-Z a-z 0-9 . _ -
 *   client.key         the pair that this side connects with, mode 0600; services and commands that connect need it
 *
 * A file is lines of a word and its values; one that begins with `#` is a comment (a key may have a # in it):
 *
 *   public YI6zGe8Z…   40 characters of Z85 (https://rfc.zeromq.org/spec/32)
 *   secret …           the same, in a .key alone
 *   may check feed     in allowed/ alone: words of the table below
 *
 * Strict: an unknown word, a word twice, a key twice in allowed/ is refused with file and line. A secret that
 * others may read is refused, as ssh does, and so is an allowed/ that others may write to. No sentence ever quotes a
 * secret. Read again, allowed/ is taken file by file: what one of them says wrongly changes nothing for its name, and
 * keeps nobody else in or out.
 */
#ifndef NET_CURVE_KEYS_H
#define NET_CURVE_KEYS_H

#include "base/error.h"
#include "base/view.h"

#define CURVE_TEXT_SIZE 41 /* 40 characters of Z85 and the NUL */
#define CURVE_KEY_SIZE 32
#define CURVE_NAME_MAX 64
#define CURVE_CLIENTS_MAX 4096
#define CURVE_FILE_MAX 4096 /* bytes of one file */

/* What a key may be allowed to do. symbol, the word, what it opens */
#define CURVE_RIGHT_TABLE(X)                                                                                           \
	X(CURVE_CHECK, "check", "tier checks: a backend")                                                              \
	X(CURVE_FEED, "feed", "the feed of changes, and catching up with it: who keeps a cache")                       \
	X(CURVE_JOURNAL, "journal", "read the journal, and report progress: a worker")                                 \
	X(CURVE_APPEND, "append", "append what Stripe says to the journal: a reconciler, with journal")                \
	X(CURVE_GRANT, "grant", "append grants by hand: tiergate grant, revoke")                                       \
	X(CURVE_CHANGES, "changes", "hear the worker's changes: a query")                                              \
	X(CURVE_CONTROL, "control", "tiergate rebuild, quarantine retry, journal forget")                              \
	X(CURVE_SESSION, "session",                                                                                    \
	  "have the reconciler fetch a checkout session or a customer, see its status: billing")                       \
	X(CURVE_RECONCILE, "reconcile", "ask the reconciler for all else: tiergate reconcile")

enum curve_right {
#define X(symbol, word, help) symbol##_AT,
	CURVE_RIGHT_TABLE(X)
#undef X
		CURVE_RIGHT_COUNT,
#define X(symbol, word, help) symbol = 1 << symbol##_AT,
	CURVE_RIGHT_TABLE(X)
#undef X
};

#define CURVE_RIGHTS_ALL ((1u << CURVE_RIGHT_COUNT) - 1)
#define CURVE_RIGHTS_TEXT_MAX 128

/* Their words, separated by commas; empty for none. */
struct curve_rights_text {
	char text[CURVE_RIGHTS_TEXT_MAX];
};
struct curve_rights_text curve_rights_words(unsigned rights);
/* Words separated by spaces or commas → bits. ERR_CONFIG names the word. */
NODISCARD enum error curve_rights_parse(struct view words, unsigned *ret_rights, struct problem *why);

struct curve_pair {
	char public_text[CURVE_TEXT_SIZE];
	char secret_text[CURVE_TEXT_SIZE]; /* empty: a .pub file */
};

/* ERR_UNAVAILABLE: libzmq has no CURVE, or no random numbers. */
NODISCARD enum error curve_pair_make(struct curve_pair *ret_pair, struct problem *why);
/* Overwrites the secret. */
void curve_pair_forget(struct curve_pair *pair);

/* path: a .key or .pub file. ERR_NOT_FOUND; ERR_CONFIG with file and line. */
NODISCARD enum error curve_pair_read(const char *path, bool secret, struct curve_pair *ret_pair, struct problem *why);
/* A file of allowed/: it says what the key may do, and holds no secret. */
NODISCARD enum error curve_client_read(const char *path, struct curve_pair *ret_pair, unsigned *ret_rights,
				       struct problem *why);
/* Makes the file, which must not exist yet (ERR_EXISTS), and its directory (0700), and syncs both. secret: with the
 * secret, mode 0600; else only the public half, 0644, with `may` when rights are not 0. */
NODISCARD enum error curve_pair_write(const char *path, const struct curve_pair *pair, bool secret, unsigned rights,
				      struct problem *why);

/* Who connects: what of a directory it needs. */
struct curve_identity {
	const char *dir; /* outlives it */
	struct curve_pair mine;
};

/* client.key. ERR_CONFIG with a sentence that says what to do, also when it is not there. */
NODISCARD enum error curve_identity_read(const char *dir, struct curve_identity *ret_i, struct problem *why);
/* The public half of whoever is to answer at that endpoint: servers/HOST.pub, else server.pub. */
NODISCARD enum error curve_server_read(const char *dir, const char *endpoint, struct curve_pair *ret_server,
				       struct problem *why);

bool curve_name_valid(struct view name);
bool curve_key_valid(struct view text);

struct curve_client {
	char name[CURVE_NAME_MAX + 1];
	uint8_t key[CURVE_KEY_SIZE];
	unsigned rights;
};

/* All of allowed/, immutable. */
struct curve_clients;

/* Files of allowed/ that cannot be used. */
struct curve_bad_files {
	unsigned count;
	struct problem why[8]; /* of the first ones */
};

/* dir: the CURVE_DIR. A missing allowed/ is an empty list. */
NODISCARD enum error curve_clients_load(const char *dir, struct curve_clients **ret_c, struct problem *why);
/* The same again. A file that cannot be read or understood is told in *ret_bad, and its name keeps the key and the
 * rights of `before`; if it had none, it gets none. A key that stands under two names belongs to the one that had it
 * before, else to the first. Fails only when the directory itself cannot be read, or has too many files. */
NODISCARD enum error curve_clients_reload(const char *dir, const struct curve_clients *before,
					  struct curve_clients **ret_c, struct curve_bad_files *ret_bad,
					  struct problem *why);
void curve_clients_destroy(struct curve_clients **c);
unsigned curve_clients_count(const struct curve_clients *c);
/* In order of their names; i < count. */
const struct curve_client *curve_clients_at(const struct curve_clients *c, unsigned i);
/* By key, in constant time but for the key's hash; by name, by bisection. NULL: not allowed. */
const struct curve_client *curve_clients_by_key(const struct curve_clients *c, const uint8_t key[CURVE_KEY_SIZE]);
const struct curve_client *curve_clients_by_name(const struct curve_clients *c, struct view name);

#endif
