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

/* What a person can do, by the error's code, which the reason begins with (common/base/error.h). */
static const char *todo(struct view reason) {
	static const struct {
		enum error error;
		const char *what;
	} known[] = {
		{ERR_VERSION, "this program does not know that yet: upgrade Tiergate; it is tried again at each start"},
		{ERR_MALFORMED, "Stripe sends what this program does not expect: upgrade Tiergate, which tries it "
				"again at its start; until "
				"then the reconciler fetches the object"},
		{ERR_LIMIT, "it is larger than the store takes: see the object in Stripe's dashboard"},
		{ERR_CHECKSUM, "the journal's disk damaged it: check the disk; the reconciler fetches the object"},
		{ERR_TRUNCATED, "the journal's disk damaged it: check the disk; the reconciler fetches the object"},
		{ERR_CONFIG, "mend the catalog, then send HUP to worker and query"},
	};
	for (size_t i = 0; i < ARRAY_LEN(known); i++)
		if (view_starts(reason, view_str(error_code(known[i].error)))) return known[i].what;
	return "see `tiergate quarantine show`, and try again with `tiergate quarantine retry`";
}

json_t *unmapped_json(const struct unmapped_price *u) {
	json_t *o = json_object();
	json_object_set_new(o, "price", text_json(u->price));
	json_object_set_new(o, "mode", json_string(u->scope.livemode ? "live" : "test"));
	if (u->scope.account.len) json_object_set_new(o, "acct", text_json(u->scope.account));
	if (u->product.len) json_object_set_new(o, "product", text_json(u->product));
	if (u->lookup_key.len) json_object_set_new(o, "lookup_key", text_json(u->lookup_key));
	json_object_set_new(o, "subscription", text_json(u->subscription));
	json_object_set_new(o, "event", text_json(u->event));
	json_object_set_new(o, "first_ms", json_integer(u->first_ms));
	json_object_set_new(o, "last_ms", json_integer(u->last_ms));
	json_object_set_new(o, "seen", u64_json(u->seen));
	json_object_set_new(
		o, "todo",
		json_string("name it under a tier of the catalog (the lowest when it grants nothing), then send HUP "
			    "to worker and query"));
	return o;
}

json_t *quarantined_json(const struct quarantined *q) {
	json_t *o = json_object();
	json_object_set_new(o, "name", json_sprintf("%016" PRIx64 "/%" PRIu64, q->origin, q->seq));
	json_object_set_new(o, "event", text_json(q->event));
	json_object_set_new(o, "type", text_json(q->type));
	json_object_set_new(o, "reason", text_json(q->reason));
	json_object_set_new(o, "todo", json_string(todo(q->reason)));
	json_object_set_new(o, "first_ms", json_integer(q->first_ms));
	json_object_set_new(o, "last_ms", json_integer(q->last_ms));
	json_object_set_new(o, "tries", u64_json(q->tries));
	return o;
}
