#include "store/lineage.h"

#include <fcntl.h>
#include <limits.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define MAGIC UINT64_C(0x5447014c494e4541)

struct lineage {
	uint64_t magic;
	uint64_t epoch;
	uint64_t inode;
	int64_t born_ns; /* 0: the file system does not say */
	uint64_t version;
};

static bool identify(const char *dir, struct lineage *l) {
	char path[PATH_MAX];
	struct statx st;
	if (snprintf(path, sizeof path, "%s/data.mdb", dir) >= (int)sizeof path) return false;
	if (statx(AT_FDCWD, path, 0, STATX_INO | STATX_BTIME, &st) != 0) return false;
	l->inode = st.stx_ino;
	if (st.stx_mask & STATX_BTIME) l->born_ns = st.stx_btime.tv_sec * 1000000000 + st.stx_btime.tv_nsec;
	return true;
}

bool lineage_holds(int lock, const char *dir, uint64_t epoch, uint64_t version) {
	struct lineage was, is = {0};
	if (pread(lock, &was, sizeof was, 0) != (ssize_t)sizeof was || !identify(dir, &is)) return false;
	return was.magic == MAGIC && was.epoch == epoch && was.inode == is.inode && was.born_ns == is.born_ns &&
	       was.version <= version;
}

void lineage_begin(int lock, const char *dir, uint64_t epoch, uint64_t version) {
	struct lineage l = {.magic = MAGIC, .epoch = epoch, .version = version};
	if (!identify(dir, &l) || pwrite(lock, &l, sizeof l, 0) != (ssize_t)sizeof l) (void)!ftruncate(lock, 0);
}

void lineage_advance(int lock, uint64_t version) {
	(void)!pwrite(lock, &version, sizeof version, offsetof(struct lineage, version));
}
