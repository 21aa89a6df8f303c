/* One table of everything that can go wrong.
 *
 * A function that can fail returns `enum error` (0 is success) and leaves its
 * ret_ outputs untouched on failure. One that can say more than a code also
 * takes a `struct problem *`, which may be NULL, and fills in a sentence for a
 * person. Libraries never log: a service logs a problem once, where it ends.
 *
 * Columns: symbol, stable code (wire and scripts), text, exit code, HTTP status.
 * Exit codes follow sysexits.h: 64 usage, 69 unavailable, 74 I/O, 78 config.
 */
#ifndef BASE_ERROR_H
#define BASE_ERROR_H

#include "base/attr.h"

#define ERROR_TABLE(X)                                                                                                 \
	X(OK, "ok", "success", 0, 200)                                                                                 \
	/* a person's or an operator's mistake */                                                                      \
	X(ERR_USAGE, "usage", "wrong usage", 64, 400)                                                                  \
	X(ERR_CONFIG, "configuration", "bad configuration", 78, 500)                                                   \
	/* bytes that are not what they should be */                                                                   \
	X(ERR_MALFORMED, "malformed", "malformed data", 74, 400)                                                       \
	X(ERR_TRUNCATED, "truncated", "data ends too early", 74, 400)                                                  \
	X(ERR_VERSION, "unsupported_version", "unsupported version", 74, 400)                                          \
	X(ERR_CHECKSUM, "checksum", "checksum does not match", 74, 500)                                                \
	X(ERR_LIMIT, "limit", "a stated limit is exceeded", 69, 413)                                                   \
	/* the world */                                                                                                \
	X(ERR_MEMORY, "no_memory", "out of memory", 69, 503)                                                           \
	X(ERR_IO, "io", "input/output error", 74, 503)                                                                 \
	X(ERR_FULL, "storage_full", "storage is full", 74, 503)                                                        \
	X(ERR_STORAGE, "storage_failed", "storage failed", 74, 503)                                                    \
	X(ERR_NOT_FOUND, "not_found", "not found", 69, 404)                                                            \
	X(ERR_EXISTS, "exists", "exists already", 69, 409)                                                             \
	X(ERR_TIMEOUT, "timeout", "no answer in time", 69, 504)                                                        \
	X(ERR_UNAVAILABLE, "unavailable", "not available", 69, 503)                                                    \
	X(ERR_OVERLOADED, "overloaded", "overloaded, try again", 69, 503)                                              \
	X(ERR_INTERNAL, "internal", "internal error", 74, 500)                                                         \
	/* what ingress says to a sender */                                                                            \
	X(ERR_NO_SIGNATURE, "missing_signature", "no Stripe-Signature header", 69, 400)                                \
	X(ERR_BAD_HEADER, "malformed_signature", "malformed Stripe-Signature header", 69, 400)                         \
	X(ERR_BAD_SIGNATURE, "bad_signature", "signature does not match", 69, 400)                                     \
	X(ERR_STALE, "stale_timestamp", "signature timestamp is too old", 69, 400)                                     \
	X(ERR_FUTURE, "future_timestamp", "signature timestamp is in the future", 69, 400)                             \
	X(ERR_NOT_EVENT, "not_an_event", "the body is not a Stripe event", 69, 400)                                    \
	X(ERR_WRONG_MODE, "wrong_mode", "a live event was signed with a test secret", 69, 400)                         \
	X(ERR_WRONG_ACCOUNT, "wrong_account", "the event's account does not match the secret's", 69, 400)              \
	X(ERR_BAD_REQUEST, "bad_request", "bad request", 69, 400)                                                      \
	X(ERR_FORBIDDEN, "forbidden", "not allowed to do this", 69, 403)                                               \
	X(ERR_METHOD, "method_not_allowed", "method not allowed", 69, 405)                                             \
	X(ERR_DEADLINE, "request_timeout", "the request took too long to arrive", 69, 408)                             \
	X(ERR_LENGTH_REQUIRED, "length_required", "exactly one Content-Length is required", 69, 411)                   \
	X(ERR_TOO_LARGE, "too_large", "the body is too large", 69, 413)                                                \
	X(ERR_MEDIA_TYPE, "unsupported_media_type", "Content-Type must be application/json", 69, 415)

enum error {
#define X(symbol, code, text, exit_code, http) symbol,
	ERROR_TABLE(X)
#undef X
		ERROR_COUNT
};

const char *error_code(enum error e);
const char *error_text(enum error e);
int error_exit_code(enum error e);
int error_http_status(enum error e);

/* An error and the sentence that names what is wrong. */
struct problem {
	enum error error;
	char text[256]; /* empty when there is nothing to add to error_text() */
};

/* Records `e` and the formatted sentence in `p` (which may be NULL), and returns
 * `e`, so that a caller writes `return problem_set(p, ERR_CONFIG, "…")`. */
enum error problem_set(struct problem *p, enum error e, const char *fmt, ...) PRINTF_LIKE(3, 4);
#ifdef __clang_analyzer__ /* which sees one file at a time, and so cannot know what it returns */
#define problem_set(p, e, ...) ((problem_set)((p), (e), __VA_ARGS__), (e))
#endif

/* The sentence, or the table's text when there is none. Never NULL. */
const char *problem_text(const struct problem *p);

#endif
