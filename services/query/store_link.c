#include "store_link.h"

#include <errno.h>
#include <stdio.h>
#include <sys/stat.h>

/* The file behind the path; false with errno when there is none, or it cannot be seen. */
static bool identify(const struct store_link *l, dev_t *ret_dev, ino_t *ret_ino) {
	char path[4096];
	struct stat s;
	int n = snprintf(path, sizeof path, "%s/data.mdb", l->dir);
	if (n < 0 || (size_t)n >= sizeof path) {
		errno = ENAMETOOLONG;
		return false;
	}
	if (stat(path, &s) != 0) return false;
	*ret_dev = s.st_dev;
	*ret_ino = s.st_ino;
	return true;
}

void link_init(struct store_link *l, const char *dir) {
	*l = (struct store_link){.dir = dir};
	(void)problem_set(&l->why, ERR_UNAVAILABLE, "the entitlement store is not open yet");
}

static void let_go(struct store_link *l) {
	look_end(&l->look);
	entitlements_close(&l->store);
	l->epoch = l->ver = 0;
	l->as_of = 0;
	l->settled = false;
}

void link_finish(struct store_link *l) { let_go(l); }

/* Not there yet is how every start begins; anything else is for a person to mend. */
static void not_found(struct store_link *l, int code) {
	if (code == ENOENT)
		(void)problem_set(&l->why, ERR_UNAVAILABLE, "the entitlement store is not there yet: %.160s", l->dir);
	else
		(void)problem_set(&l->why, ERR_IO, "cannot reach the entitlement store %.120s: %s", l->dir,
				  strerror(code));
}

static void try_open(struct store_link *l) {
	dev_t dev;
	ino_t ino;
	if (!identify(l, &dev, &ino)) {
		not_found(l, errno);
		return;
	}
	struct entitlements_options o = {.dir = l->dir, .read_only = true};
	if (entitlements_open(&o, &l->store, &l->why)) return;
	if (look_begin(l->store, &l->look, &l->why)) {
		let_go(l);
		return;
	}
	dev_t dev_now;
	ino_t ino_now;
	if (!identify(l, &dev_now, &ino_now) || dev_now != dev || ino_now != ino) {
		/* replaced while it was opened: which of the two this is cannot be known */
		let_go(l);
		(void)problem_set(&l->why, ERR_UNAVAILABLE, "the entitlement store is being replaced");
		return;
	}
	l->opened++;
	l->dev = dev;
	l->ino = ino;
	l->epoch = entitlements_epoch(l->store);
	l->ver = look_version(l->look);
	look_rest(l->look);
	(void)problem_set(&l->why, ERR_UNAVAILABLE, "the worker is still filling the entitlement store");
}

static void settle(struct store_link *l) {
	if (l->store && !l->settled && link_renew(l)) l->settled = look_complete(l->look);
	link_rest(l);
}

/* Is another file at the path than the one that is open, or none? */
static bool moved(const struct store_link *l) {
	dev_t dev;
	ino_t ino;
	return !identify(l, &dev, &ino) || dev != l->dev || ino != l->ino;
}

/* The worker gives a store another epoch when it finds that it was put back from a copy. */
static void follow_epoch(struct store_link *l) {
	if (!link_renew(l)) return;
	uint64_t epoch = look_epoch(l->look);
	if (epoch != l->epoch) {
		l->as_of = 0;
		l->opened++;
	}
	l->epoch = epoch;
	link_rest(l);
}

void link_tick(struct store_link *l) {
	if (l->store && moved(l)) let_go(l);
	if (!l->store)
		try_open(l);
	else
		follow_epoch(l);
	settle(l);
}

void link_pulse(struct store_link *l, const struct stream_pulse *p) {
	/* the worker may have put another store in its place, or knows it for a copy */
	if (l->store && p->epoch != l->epoch) {
		if (moved(l))
			link_tick(l);
		else
			follow_epoch(l);
	}
	if (!l->store || p->epoch != l->epoch) return;
	/* 0: a worker that starts again does not know yet. Else its word counts, also when it goes back: a clock that
	 * ran ahead must not be believed for ever. */
	if (p->as_of) l->as_of = p->as_of;
	if (p->caught_up) settle(l);
}

bool link_ready(const struct store_link *l) { return l->store && l->settled; }

bool link_renew(struct store_link *l) {
	if (!l->store) return false;
	enum error e = look_renew(l->look);
	if (e) {
		let_go(l);
		(void)problem_set(&l->why, e, "the entitlement store cannot be read");
		return false;
	}
	l->ver = look_version(l->look);
	return true;
}

void link_rest(struct store_link *l) {
	if (l->look) look_rest(l->look);
}
