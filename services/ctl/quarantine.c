#include "quarantine.h"

#include "base/hex.h"
#include "base/parse.h"
#include "base/show.h"
#include "value.h"

#include <inttypes.h>

enum error quarantine_name(const char *text, uint64_t *ret_origin, uint64_t *ret_seq, struct problem *why) {
	const char *slash = strchr(text, '/');
	struct view name = view_of(text, slash ? (size_t)(slash - text) : 0);
	uint8_t bytes[8];
	uint64_t origin = 0, seq = 0;
	if (hex_decode(name, bytes, sizeof bytes)) {
		struct reader r = reader_of(view_of(bytes, sizeof bytes));
		origin = read_be64(&r);
	} else if (!parse_u64(name, UINT64_MAX, &origin)) {
		origin = 0;
	}
	if (!slash || origin == 0 || !parse_u64(view_str(slash + 1), UINT64_MAX, &seq) || seq == 0)
		return problem_set(why, ERR_USAGE,
				   "'%s' is no entry: write ORIGIN/SEQ as `tiergate quarantine list` prints it",
				   show_str(text).text);
	*ret_origin = origin;
	*ret_seq = seq;
	return OK;
}

json_t *quarantined_json(const struct quarantined *q) {
	json_t *o = json_object();
	json_object_set_new(o, "name", json_sprintf("%016" PRIx64 "/%" PRIu64, q->origin, q->seq));
	json_object_set_new(o, "event", text_json(q->event));
	json_object_set_new(o, "type", text_json(q->type));
	json_object_set_new(o, "reason", text_json(q->reason));
	json_object_set_new(o, "first_ms", json_integer(q->first_ms));
	json_object_set_new(o, "last_ms", json_integer(q->last_ms));
	json_object_set_new(o, "tries", u64_json(q->tries));
	return o;
}
