/* The log: one line an event, on stderr, for a machine first and a person second.
 *
 *   logfmt  ts=2026-11-22T10:45:18.123Z lvl=info svc=ingress ev=ready listen=127.0.0.1:8701
 *   json    {"ts":"2026-11-22T10:45:18.123Z","lvl":"info","svc":"ingress","ev":"ready","listen":"127.0.0.1:8701"}
 *
 *     log_info(log, log_ev("ready"), kv_str("listen", listen), kv_u64("head", head));
 *
 * Each line is one write(2), so lines of threads never mix; it is dropped when stderr is gone. Nothing is
 * allocated, and no lock is taken. A value is at most LOG_VALUE_MAX bytes and a line LOG_LINE_MAX: what is
 * longer is cut, and the line gets cut=true. Values may hold any bytes: what is not printable UTF-8 is
 * escaped (logfmt as \xHH, JSON as \u00HH), so a value never ends its line or forges a key.
 *
 * Keys and the event's name are literals of ours: [a-z0-9_]. Never log a secret, a card or an e-mail address, nor
 * a body. An error is logged once, by the service, where it ends.
 */
#ifndef SERVICE_LOG_H
#define SERVICE_LOG_H

#include "base/error.h"
#include "base/view.h"

#define LOG_LINE_MAX 4096
#define LOG_VALUE_MAX 512

enum log_level { LEVEL_DEBUG, LEVEL_INFO, LEVEL_WARN, LEVEL_ERROR };
enum log_format { FORMAT_LOGFMT, FORMAT_JSON };

#define LOG_LEVEL_CHOICES "debug|info|warn|error"
#define LOG_FORMAT_CHOICES "logfmt|json"

/* Immutable once threads run, and shared by them. */
struct log {
	int fd;
	enum log_level level;
	enum log_format format;
	const char *service; /* "ingress" */
};

enum kv_kind { KV_END, KV_EVENT, KV_TEXT, KV_U64, KV_I64, KV_HEX, KV_BOOL };

struct kv {
	const char *key;
	enum kv_kind kind;
	union {
		struct view text;
		uint64_t u;
		int64_t i;
		bool b;
	} v;
};

static inline struct kv log_ev(const char *name) { return (struct kv){"ev", KV_EVENT, {.text = view_str(name)}}; }
static inline struct kv kv_view(const char *key, struct view v) { return (struct kv){key, KV_TEXT, {.text = v}}; }
static inline struct kv kv_str(const char *key, const char *s) { return kv_view(key, view_str(s)); }
static inline struct kv kv_u64(const char *key, uint64_t n) { return (struct kv){key, KV_U64, {.u = n}}; }
static inline struct kv kv_i64(const char *key, int64_t n) { return (struct kv){key, KV_I64, {.i = n}}; }
/* An identifier of 64 bits as 16 hex digits, as the operator's command prints and takes it. */
static inline struct kv kv_hex(const char *key, uint64_t n) { return (struct kv){key, KV_HEX, {.u = n}}; }
static inline struct kv kv_bool(const char *key, bool b) { return (struct kv){key, KV_BOOL, {.b = b}}; }
/* err=storage_full */
static inline struct kv kv_error(enum error e) { return kv_str("err", error_code(e)); }
/* why="the sentence" */
static inline struct kv kv_why(const struct problem *p) { return kv_str("why", problem_text(p)); }

/* The first field is log_ev(…); the list ends with a KV_END. Use the macros. l may be NULL: nothing happens. */
void log_write(const struct log *l, enum log_level level, const struct kv *fields);

#define LOG_FIELDS(...) ((const struct kv[]){__VA_ARGS__, {0}})
#define log_debug(l, ...) log_write((l), LEVEL_DEBUG, LOG_FIELDS(__VA_ARGS__))
#define log_info(l, ...) log_write((l), LEVEL_INFO, LOG_FIELDS(__VA_ARGS__))
#define log_warn(l, ...) log_write((l), LEVEL_WARN, LOG_FIELDS(__VA_ARGS__))
#define log_error(l, ...) log_write((l), LEVEL_ERROR, LOG_FIELDS(__VA_ARGS__))

/* The line that log_write writes, with its newline and no NUL, for a given wall clock; its length. */
size_t log_format_line(const struct log *l, enum log_level level, const struct kv *fields, int64_t now_ms,
		       char out[LOG_LINE_MAX]);

#endif
