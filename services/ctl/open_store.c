#include "open_store.h"

#include <errno.h>
#include <sys/stat.h>

enum error store_view_open(const struct call *c, struct store_view *ret_v, struct problem *why) {
	*ret_v = (struct store_view){0};
	const char *origin = settings_origin(c->settings, "STORE_DIR");
	struct stat st;
	if (stat(c->s.store_dir, &st) != 0)
		return problem_set(why, ERR_CONFIG, "there is no entitlement store at %.110s (%s): %s", c->s.store_dir,
				   origin, strerror(errno));
	const struct entitlements_options o = {.dir = c->s.store_dir, .read_only = true};
	struct problem inner = {0};
	enum error e = entitlements_open(&o, &ret_v->store, &inner);
	if (!e) e = look_begin(ret_v->store, &ret_v->look, &inner);
	return e ? problem_set(why, e, "%s (%s)", problem_text(&inner), origin) : OK;
}

void store_view_close(struct store_view *v) {
	look_end(&v->look);
	entitlements_close(&v->store);
}
