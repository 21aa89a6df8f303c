/* A directory of a test's own: under TMPDIR, removed with all that is in it. */
#ifndef SUPPORT_SCRATCH_H
#define SUPPORT_SCRATCH_H

#include <ftw.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

struct scratch {
	char dir[256];
};

static inline void scratch_make(struct scratch *s) {
	const char *base = getenv("TMPDIR");
	(void)snprintf(s->dir, sizeof s->dir, "%s/tiergate-store-XXXXXX", base ? base : "/tmp");
	if (mkdtemp(s->dir)) return;
	perror(s->dir);
	exit(1);
}

static inline int scratch_unlink(const char *path, const struct stat *st, int type, struct FTW *ftw) {
	(void)st;
	(void)type;
	(void)ftw;
	return remove(path);
}

static inline void scratch_remove(struct scratch *s) { (void)nftw(s->dir, scratch_unlink, 8, FTW_DEPTH | FTW_PHYS); }

#endif
