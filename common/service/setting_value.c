#include "service/setting_value.h"

#include "base/parse.h"
#include "base/show.h"

#include <inttypes.h>
#include <string.h>
#include <strings.h>

static enum error store_bool(const char *origin, const char *text, bool *into, struct problem *why) {
	static const char *const yes[] = {"true", "yes", "on", "1"}, *const no[] = {"false", "no", "off", "0"};
	for (size_t i = 0; i < ARRAY_LEN(yes); i++) {
		bool is_yes = strcasecmp(text, yes[i]) == 0;
		if (!is_yes && strcasecmp(text, no[i]) != 0) continue;
		if (into) *into = is_yes;
		return OK;
	}
	return problem_set(why, ERR_CONFIG, "%s: '%s' is neither true nor false", origin, show_str(text).text);
}

static enum error store_u64(const struct setting *row, const char *origin, const char *text, uint64_t *into,
			    struct problem *why) {
	uint64_t n, max = row->max ? row->max : UINT64_MAX;
	if (!parse_u64(view_str(text), UINT64_MAX, &n))
		return problem_set(why, ERR_CONFIG, "%s: '%s' is not a whole number", origin, show_str(text).text);
	if (n < row->min || n > max)
		return problem_set(why, ERR_CONFIG, "%s: %" PRIu64 " is not in %" PRIu64 " to %" PRIu64, origin, n,
				   row->min, max);
	if (into) *into = n;
	return OK;
}

/* In the largest unit that divides it. */
static struct shown show_duration(uint64_t ms) {
	static const struct {
		uint64_t ms;
		const char *unit;
	} units[] = {{86400000, "d"}, {3600000, "h"}, {60000, "m"}, {1000, "s"}, {1, "ms"}};
	struct shown s;
	size_t i = 0;
	while (ms % units[i].ms != 0) i++;
	(void)snprintf(s.text, sizeof s.text, "%" PRIu64 "%s", ms / units[i].ms, units[i].unit);
	return s;
}

static enum error store_duration(const struct setting *row, const char *origin, const char *text, int64_t *into,
				 struct problem *why) {
	int64_t ms;
	if (!parse_duration_ms(view_str(text), &ms))
		return problem_set(why, ERR_CONFIG,
				   "%s: '%s' is not a duration: write digits and one of ms s m h d, as in 90s", origin,
				   show_str(text).text);
	uint64_t n = (uint64_t)ms;
	if (n < row->min || (row->max && n > row->max))
		return problem_set(why, ERR_CONFIG, "%s: %s is out of range: at least %s%s%s", origin,
				   show_str(text).text, show_duration(row->min).text, row->max ? " and at most " : "",
				   row->max ? show_duration(row->max).text : "");
	if (into) *into = ms;
	return OK;
}

static enum error store_size(const struct setting *row, const char *origin, const char *text, uint64_t *into,
			     struct problem *why) {
	static const char units[] = "KMGT";
	struct view digits = view_str(text);
	const char *unit = digits.len ? strchr(units, digits.ptr[digits.len - 1]) : NULL;
	unsigned shift = unit ? 10 * (unsigned)(unit - units + 1) : 0;
	if (unit) digits.len--;
	uint64_t n;
	if (!parse_u64(digits, UINT64_MAX >> shift, &n))
		return problem_set(why, ERR_CONFIG, "%s: '%s' is not a size: write digits and at most one of K M G T",
				   origin, show_str(text).text);
	n <<= shift;
	if (n < row->min || (row->max && n > row->max))
		return problem_set(why, ERR_CONFIG, "%s: %s is out of range: %" PRIu64 " to %" PRIu64 " bytes", origin,
				   show_str(text).text, row->min, row->max ? row->max : UINT64_MAX);
	if (into) *into = n;
	return OK;
}

static enum error store_choice(const struct setting *row, const char *origin, const char *text, unsigned *into,
			       struct problem *why) {
	const char *at = row->choices;
	for (unsigned i = 0;; i++) {
		size_t n = strcspn(at, "|");
		if (strlen(text) == n && memcmp(text, at, n) == 0) {
			if (into) *into = i;
			return OK;
		}
		if (at[n] == '\0') break;
		at += n + 1;
	}
	return problem_set(why, ERR_CONFIG, "%s: '%s' is none of %s", origin, show_str(text).text, row->choices);
}

/* host:port, [v6]:port or :port; whether the host exists is found out when it is bound. */
static enum error check_listen(const char *origin, const char *text, struct problem *why) {
	const char *colon = strrchr(text, ':');
	uint64_t port;
	bool good = colon && parse_u64(view_str(colon + 1), 65535, &port);
	struct view host = view_of(text, good ? (size_t)(colon - text) : 0);
	bool brackets = host.len > 2 && host.ptr[0] == '[' && host.ptr[host.len - 1] == ']';
	for (size_t i = 0; i < host.len; i++) {
		good = good && host.ptr[i] > ' ' && host.ptr[i] <= '~' && host.ptr[i] != '/';
		if (!brackets) good = good && host.ptr[i] != ':';
	}
	if (good && host.len < 100) return OK;
	return problem_set(why, ERR_CONFIG, "%s: '%s' is not host:port, as in 127.0.0.1:8701", origin,
			   show_str(text).text);
}

/* Puts the origin before the sentence. */
static enum error with_origin(enum error e, const char *origin, const struct problem *inner, struct problem *why) {
	return e ? problem_set(why, e, "%s: %s", origin, problem_text(inner)) : OK;
}

static enum error store_text(const struct setting *row, const char *origin, const char *text, const char **into,
			     struct problem *why) {
	if (row->type != SETTING_STRING && text[0] == '\0') return problem_set(why, ERR_CONFIG, "%s: is empty", origin);
	if (row->type == SETTING_LISTEN) {
		enum error e = check_listen(origin, text, why);
		if (e) return e;
	}
	if (row->type == SETTING_SECRET && !row->secret_lines && strpbrk(text, "\r\n"))
		return problem_set(why, ERR_CONFIG, "%s: has more than one line", origin);
	if (into) *into = text;
	return OK;
}

bool setting_remote(const struct setting *row, const char *text, char ret_endpoint[ENDPOINT_MAX]) {
	struct endpoints list = {0};
	struct endpoint_pairs pairs = {0};
	const char *remote = NULL;
	if (row->type == SETTING_ENDPOINT) (void)!endpoint_parse(view_str(text), list.at[list.count++], NULL);
	if (row->type == SETTING_ENDPOINTS) (void)!endpoints_parse(view_str(text), &list, NULL);
	if (row->type == SETTING_PAIRS) (void)!endpoint_pairs_parse(view_str(text), &pairs, NULL);
	for (unsigned i = 0; i < list.count && !remote; i++)
		if (!endpoint_is_local(list.at[i])) remote = list.at[i];
	for (unsigned i = 0; i < pairs.count && !remote; i++)
		remote = !endpoint_is_local(pairs.at[i].pub)      ? pairs.at[i].pub
			 : !endpoint_is_local(pairs.at[i].replay) ? pairs.at[i].replay
								  : NULL;
	if (remote) memcpy(ret_endpoint, remote, strlen(remote) + 1);
	return remote != NULL;
}

enum error setting_store(const struct setting *row, const char *origin, const char *text, void *into,
			 struct problem *why) {
	struct problem inner = {0};
	switch (row->type) {
	case SETTING_BOOL:
		return store_bool(origin, text, into, why);
	case SETTING_U64:
		return store_u64(row, origin, text, into, why);
	case SETTING_DURATION:
		return store_duration(row, origin, text, into, why);
	case SETTING_SIZE:
		return store_size(row, origin, text, into, why);
	case SETTING_CHOICE:
		return store_choice(row, origin, text, into, why);
	case SETTING_ENDPOINTS: {
		struct endpoints list;
		enum error e = endpoints_parse(view_str(text), &list, &inner);
		if (!e && into) *(struct endpoints *)into = list;
		return with_origin(e, origin, &inner, why);
	}
	case SETTING_PAIRS: {
		struct endpoint_pairs pairs;
		enum error e = endpoint_pairs_parse(view_str(text), &pairs, &inner);
		if (!e && into) *(struct endpoint_pairs *)into = pairs;
		return with_origin(e, origin, &inner, why);
	}
	case SETTING_ENDPOINT: {
		char endpoint[ENDPOINT_MAX];
		enum error e = endpoint_parse(view_str(text), endpoint, &inner);
		if (!e && into) *(const char **)into = text;
		return with_origin(e, origin, &inner, why);
	}
	case SETTING_STRING:
	case SETTING_LISTEN:
	case SETTING_DIR:
	case SETTING_FILE:
	case SETTING_SECRET:
		return store_text(row, origin, text, into, why);
	}
	return problem_set(why, ERR_INTERNAL, "%s: a setting of no type", origin);
}

struct flag_name setting_flag(const struct setting *row) {
	struct flag_name f = {{0}};
	for (size_t i = 0; row->name[i] && i < sizeof f.text - 1; i++) {
		char c = row->name[i];
		if (c >= 'A' && c <= 'Z') c = (char)(c - 'A' + 'a');
		if (c == '_') c = '-';
		f.text[i] = c;
	}
	return f;
}

const char *setting_placeholder(const struct setting *row) {
	switch (row->type) {
	case SETTING_STRING:
		return "TEXT";
	case SETTING_BOOL:
		return NULL;
	case SETTING_U64:
		return "N";
	case SETTING_DURATION:
		return "TIME";
	case SETTING_SIZE:
		return "SIZE";
	case SETTING_LISTEN:
		return "HOST:PORT";
	case SETTING_ENDPOINT:
		return "ENDPOINT";
	case SETTING_ENDPOINTS:
		return "ENDPOINT[;…]";
	case SETTING_PAIRS:
		return "PUB,REPLAY[;…]";
	case SETTING_DIR:
		return "DIR";
	case SETTING_FILE:
		return "FILE";
	case SETTING_SECRET:
		return "SECRET";
	case SETTING_CHOICE:
		return row->choices;
	}
	return NULL;
}
