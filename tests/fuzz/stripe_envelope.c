/* Law: what the envelope's scanner accepts is JSON for jansson too, with the same values; its views lie in the
 * body. The differences that proto/json_scan.h states are let pass. */
#include "proto/stripe_envelope.h"

#include <jansson.h>
#include <string.h>

#include "fuzz.h"

static bool excused(const json_error_t *e) {
	enum json_error_code code = json_error_code(e);
	return code == json_error_numeric_overflow || code == json_error_null_character ||
	       code == json_error_null_byte_in_key;
}

static bool same(json_t *tree, const char *key, struct view ours) {
	json_t *v = json_object_get(tree, key);
	if (!v || json_is_null(v)) return ours.len == 0;
	return json_is_string(v) && view_eq(ours, view_of(json_string_value(v), json_string_length(v)));
}

/* The account itself, or the last segment of the context where there is none. */
static bool same_account(json_t *tree, struct view ours) {
	json_t *context = json_object_get(tree, "context");
	if (json_is_string(json_object_get(tree, "account")) || !json_is_string(context))
		return same(tree, "account", ours);
	const char *path = json_string_value(context), *slash = strrchr(path, '/');
	return view_eq(ours, view_str(slash ? slash + 1 : path));
}

static void compare(json_t *tree, const struct stripe_envelope *e) {
	FUZZ_MUST(same(tree, "id", e->id));
	FUZZ_MUST(same(tree, "type", e->type));
	FUZZ_MUST(same(tree, "api_version", e->api_version));
	FUZZ_MUST(same(tree, "object", e->thin ? VIEW("v2.core.event") : VIEW("event")));
	FUZZ_MUST(same_account(tree, e->account));
	FUZZ_MUST(e->thin || json_integer_value(json_object_get(tree, "created")) == e->created);
	FUZZ_MUST(e->created >= 0);
	FUZZ_MUST(json_is_boolean(json_object_get(tree, "livemode")));
	FUZZ_MUST(json_is_true(json_object_get(tree, "livemode")) == e->livemode);
	FUZZ_MUST(e->thin || json_is_object(json_object_get(tree, "data")));
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
	struct stripe_envelope e;
	struct problem why = {OK, ""};
	struct view body = view_of(data, size);
	if (stripe_envelope_parse(body, &e, &why) != OK) {
		FUZZ_MUST(why.error == ERR_NOT_EVENT && why.text[0]);
		return 0;
	}
	FUZZ_MUST(e.id.ptr >= body.ptr && e.id.ptr + e.id.len <= body.ptr + size);
	FUZZ_MUST(e.id.len && e.id.len <= STRIPE_ID_MAX && e.type.len && e.type.len <= EVENT_TYPE_MAX);
	FUZZ_MUST(e.account.len <= ACCOUNT_MAX && e.api_version.len <= API_VERSION_MAX);
	json_error_t error;
	json_t *tree = json_loadb(body.ptr, body.len, 0, &error);
	FUZZ_MUST(tree || excused(&error));
	if (tree) compare(tree, &e);
	json_decref(tree);
	return 0;
}
