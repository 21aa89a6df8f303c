/* A directory of a test's own: under TMPDIR, or in memory, removed with all that is in it. */
#ifndef SUPPORT_SCRATCH_H
#define SUPPORT_SCRATCH_H

#include <ftw.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

struct scratch {
	char dir[256];
};

static inline void scratch_make_in(struct scratch *s, const char *base) {
	(void)snprintf(s->dir, sizeof s->dir, "%s/tiergate-store-XXXXXX", base);
	if (mkdtemp(s->dir)) return;
	perror(s->dir);
	exit(1);
}

static inline void scratch_make(struct scratch *s) {
	const char *base = getenv("TMPDIR");
	scratch_make_in(s, base ? base : "/tmp");
}

/* For little that is synced often: a disk that others keep busy takes minutes for some ten thousand syncs. */
static inline void scratch_make_in_memory(struct scratch *s) {
	if (access("/dev/shm", W_OK | X_OK) == 0)
		scratch_make_in(s, "/dev/shm");
	else
		scratch_make(s);
}

static inline int scratch_unlink(const char *path, const struct stat *st, int type, struct FTW *ftw) {
	(void)st;
	(void)type;
	(void)ftw;
	return remove(path);
}

static inline void scratch_remove(struct scratch *s) { (void)nftw(s->dir, scratch_unlink, 8, FTW_DEPTH | FTW_PHYS); }

#endif
