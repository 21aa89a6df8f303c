#include <stdio.h>

#include "ask_private.h"
#include "base/parse.h"
#include "service/clock.h"

const char *ask_subject(const struct ask *a) { return a->who.subject; }
const char *ask_email(const struct ask *a) { return a->who.email; }
json_t *ask_body(const struct ask *a) { return a->body; }
const char *ask_idempotency_key(const struct ask *a) { return a->stripe_key; }
struct billing *ask_billing(const struct ask *a) {
	return a->b;
}
const struct catalog *ask_catalog(const struct ask *a) { return catalog_held_get(a->catalog); }
int64_t ask_now(const struct ask *a) {
	(void)a;
	return wall_s();
}

void ask_keep(struct ask *a, void *state, void (*destroy)(void *state)) {
	a->state = state;
	a->destroy = destroy;
}
void *ask_state(const struct ask *a) { return a->state; }

static void refuse_field(struct ask *a, const char *field, const char *want, bool *ret_bad) {
	char detail[200];
	(void)snprintf(detail, sizeof detail, "'%.80s' must be %s", field, want);
	*ret_bad = true;
	ask_refuse(a, REFUSAL_BAD_REQUEST, detail);
}

const char *ask_text(struct ask *a, const char *field, bool *ret_bad) {
	const json_t *v = json_object_get(a->body, field);
	if (!v || json_is_null(v)) return NULL;
	if (json_is_string(v)) return json_string_value(v);
	refuse_field(a, field, "a text", ret_bad);
	return NULL;
}

int64_t ask_number(struct ask *a, const char *field, int64_t min, int64_t max, int64_t fallback, bool *ret_bad) {
	const json_t *v = json_object_get(a->body, field);
	char want[80];
	uint64_t n;
	if (!v || json_is_null(v)) return fallback;
	if (json_is_integer(v) && json_integer_value(v) >= min && json_integer_value(v) <= max)
		return json_integer_value(v);
	/* an argument of a query is a text */
	bool digits = a->action->method == HTTP_GET && json_is_string(v) &&
		      parse_u64(view_of(json_string_value(v), json_string_length(v)), INT64_MAX, &n);
	if (digits && (int64_t)n >= min && (int64_t)n <= max) return (int64_t)n;
	(void)snprintf(want, sizeof want, "a whole number from %lld to %lld", (long long)min, (long long)max);
	refuse_field(a, field, want, ret_bad);
	return fallback;
}
