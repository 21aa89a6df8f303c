#include "domain/observation.h"

static const struct {
	struct view name;
	const char *path;
} fetches[] = {
#define X(symbol, name, path) [symbol] = {VIEW_INIT(name), path},
	FETCH_TABLE(X)
#undef X
};

const char *fetch_name(enum fetch_kind k) { return fetches[k < FETCH_COUNT ? k : FETCH_NOTHING].name.ptr; }
const char *fetch_path(enum fetch_kind k) { return fetches[k < FETCH_COUNT ? k : FETCH_NOTHING].path; }

enum fetch_kind fetch_parse(struct view name) {
	for (unsigned i = 0; i < FETCH_COUNT; i++)
		if (view_eq(name, fetches[i].name)) return (enum fetch_kind)i;
	return FETCH_NOTHING;
}

static const char *const reversal_states[] = {
#define X(symbol, name) [symbol] = name,
	REVERSAL_STATE_TABLE(X)
#undef X
};

const char *reversal_state_name(enum reversal_state s) {
	return reversal_states[s < REVERSAL_STATE_COUNT ? s : REVERSAL_NONE];
}
