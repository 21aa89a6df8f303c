#include "moment.h"

#include "base/parse.h"
#include "base/show.h"

#define LAST_SECOND INT64_C(253402300799) /* of the year 9999 */

static bool read_time(struct view text, int64_t *ret_s) {
	uint64_t seconds;
	if (parse_rfc3339(text, ret_s)) return true;
	if (!parse_u64(text, LAST_SECOND, &seconds)) return false;
	*ret_s = (int64_t)seconds;
	return true;
}

enum error moment_read(const char *flag, const char *text, int64_t *ret_s, struct problem *why) {
	if (read_time(view_str(text), ret_s)) return OK;
	return problem_set(why, ERR_USAGE, "%s: '%s' is neither a time such as 2026-11-22T10:45:18Z nor unix seconds",
			   flag, show_str(text).text);
}

enum error moment_read_end(const char *flag, const char *text, int64_t now, int64_t *ret_s, struct problem *why) {
	int64_t ms;
	if (read_time(view_str(text), ret_s)) return OK;
	if (!parse_duration_ms(view_str(text), &ms) || ms < 1000)
		return problem_set(
			why, ERR_USAGE,
			"%s: '%s' is neither a time such as 2026-11-22T10:45:18Z, nor a duration such as 30d", flag,
			show_str(text).text);
	*ret_s = now + ms / 1000;
	return OK;
}
