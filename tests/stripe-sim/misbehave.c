#include "edge_private.h"

/* splitmix64 of a counter, apart from the one that makes ids: what is lost must not change what is made. */
uint64_t edge_draw(struct edge *e) {
	uint64_t z = e->seed + UINT64_C(0x5851f42d4c957f2d) + ++e->drawn * UINT64_C(0x9e3779b97f4a7c15);
	z = (z ^ (z >> 30)) * UINT64_C(0xbf58476d1ce4e5b9);
	z = (z ^ (z >> 27)) * UINT64_C(0x94d049bb133111eb);
	return z ^ (z >> 31);
}

/* Always draws, so that the same seed and the same events meet the same fate whatever the other chances are. */
bool chance(struct edge *e, double p) { return (double)(edge_draw(e) >> 11) * 0x1p-53 < p; }

bool misbehaviour_concerns(const struct misbehaviour *m, const char *type) {
	if (json_array_size(m->types) == 0) return true;
	json_t *prefix;
	size_t i;
	json_array_foreach(m->types, i, prefix) {
		const char *p = json_string_value(prefix);
		if (p && strncmp(type, p, strlen(p)) == 0) return true;
	}
	return false;
}

static double probability(struct sim_request *r, const char *name) {
	json_t *v = json_object_get(r->params, name);
	double p = v ? json_number_value(v) : 0;
	if ((v && !json_is_number(v)) || !(p >= 0 && p <= 1))
		refuse(r, 400, NULL, name, "%s: want a number from 0 to 1", name);
	return p;
}

static void delay_of(struct sim_request *r, struct misbehaviour *m) {
	json_t *v = json_object_get(r->params, "delay_s");
	if (!v || json_is_null(v)) return;
	m->delay_min = json_integer_value(json_array_get(v, 0));
	m->delay_max = json_integer_value(json_array_get(v, 1));
	if (json_array_size(v) != 2 || m->delay_min < 0 || m->delay_max < m->delay_min || m->delay_max > 366 * SIM_DAY)
		refuse(r, 400, NULL, "delay_s", "delay_s: want [least, most] in whole seconds, at most a year");
}

json_t *misbehave(struct sim_request *r) {
	static const char known[] =
		",drop,duplicate,reorder,never_generate,old_version,thin,fail_api,delay_s,limit_rps,types,";
	struct misbehaviour m = {.drop = probability(r, "drop"),
				 .duplicate = probability(r, "duplicate"),
				 .reorder = probability(r, "reorder"),
				 .never_generate = probability(r, "never_generate"),
				 .old_version = probability(r, "old_version"),
				 .thin = probability(r, "thin"),
				 .fail_api = probability(r, "fail_api"),
				 .limit_rps = int_of(r->params, "limit_rps"),
				 .types = json_object_get(r->params, "types")};
	delay_of(r, &m);
	if (m.limit_rps < 0) refuse(r, 400, NULL, "limit_rps", "limit_rps: want requests a second, 0 for no limit");
	if (m.types && !json_is_array(m.types)) refuse(r, 400, NULL, "types", "types: want a list of prefixes");
	const char *key;
	json_t *value;
	json_object_foreach(r->params, key, value) {
		const char *at = strstr(known, key);
		if (!at || at[-1] != ',' || at[strlen(key)] != ',')
			refuse(r, 400, NULL, key, "%s: no such misbehaviour", key);
	}
	if (failed(r)) return NULL;
	struct edge *e = edge_of(r);
	json_incref(m.types);
	json_decref(e->misbehaviour.types);
	e->misbehaviour = m;
	return json_incref(r->params);
}
