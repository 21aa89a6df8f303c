#include <errno.h>
#include <stdio.h>
#include <sys/stat.h>

#include "reconciler.h"

#define STORE_TICK_MS 500

/* The file behind the path; false with errno when there is none, or it cannot be seen. */
static bool identify(const struct reconciler *r, dev_t *ret_dev, ino_t *ret_ino) {
	char path[4096];
	struct stat s;
	int n = snprintf(path, sizeof path, "%s/data.mdb", r->settings.store_dir);
	if (n < 0 || (size_t)n >= sizeof path) {
		errno = ENAMETOOLONG;
		return false;
	}
	if (stat(path, &s) != 0) return false;
	*ret_dev = s.st_dev;
	*ret_ino = s.st_ino;
	return true;
}

static void let_go(struct reconciler *r) {
	look_end(&r->look);
	entitlements_close(&r->store);
}

static void try_open(struct reconciler *r, dev_t dev, ino_t ino) {
	const struct entitlements_options o = {.dir = r->settings.store_dir, .read_only = true};
	struct problem why = {0};
	enum error e = entitlements_open(&o, &r->store, &why);
	if (!e) e = look_begin(r->store, &r->look, &why);
	if (e) {
		let_go(r);
		health_broken(r->service.health, "store", problem_text(&why));
		return;
	}
	look_rest(r->look);
	r->store_dev = dev;
	r->store_ino = ino;
	r->wants_ver = 0;
	health_met(r->service.health, "store");
}

void store_tick(struct reconciler *r) {
	dev_t dev;
	ino_t ino;
	if (r->now_ms < r->store_due_ms) return;
	r->store_due_ms = r->now_ms + STORE_TICK_MS;
	bool there = identify(r, &dev, &ino), none = !there && errno == ENOENT;
	if (r->store && (!there || dev != r->store_dev || ino != r->store_ino)) let_go(r);
	if (!there)
		health_broken(r->service.health, "store",
			      none ? "the entitlement store is not there yet"
				   : "the entitlement store cannot be reached: see STORE_DIR and its owner");
	else if (!r->store)
		try_open(r, dev, ino);
}

bool store_renew(struct reconciler *r) {
	if (!r->store) return false;
	if (look_renew(r->look) == OK) return true;
	let_go(r);
	return false;
}

void store_rest(struct reconciler *r) {
	if (r->look) look_rest(r->look);
}
