#include "store/store_dir.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include "store/lmdb_shell.h"

enum error store_dir_beside(const char *dir, const char *suffix, char *out, struct problem *why) {
	size_t len = strlen(dir), more = strlen(suffix);
	while (len > 1 && dir[len - 1] == '/') len--;
	if (len + more >= PATH_MAX) return problem_set(why, ERR_CONFIG, "directory name is too long");
	memcpy(out, dir, len);
	memcpy(out + len, suffix, more + 1);
	return OK;
}

static enum error failed(struct problem *why, int code, const char *doing, const char *dir) {
	enum error e = lmdb_error(code);
	if (code == EBUSY || code == EXDEV)
		return problem_set(
			why, ERR_CONFIG,
			"%.160s is a mount point: name a directory inside it, so that a store can be made beside it",
			dir);
	return problem_set(why, e, "%s %.160s: %s", doing, dir, strerror(code));
}

static bool holds_store(const char *dir) {
	char path[PATH_MAX];
	struct stat st;
	return snprintf(path, sizeof path, "%s/data.mdb", dir) < (int)sizeof path && stat(path, &st) == 0;
}

static enum error sync_parent(const char *dir, struct problem *why) {
	char parent[PATH_MAX];
	enum error e = store_dir_beside(dir, "", parent, why);
	if (e) return e;
	char *slash = strrchr(parent, '/');
	if (!slash)
		(void)snprintf(parent, sizeof parent, ".");
	else if (slash == parent)
		parent[1] = '\0';
	else
		*slash = '\0';
	return lmdb_sync_dir(parent, why);
}

/* Who writes there holds this lock (lmdb_open). */
static enum error claim(int at, const char *dir, int *ret_lock, struct problem *why) {
	int lock = openat(at, "writer.lock", O_RDWR | O_CLOEXEC);
	if (lock >= 0 && flock(lock, LOCK_EX | LOCK_NB) != 0) {
		(void)close(lock);
		return problem_set(why, ERR_UNAVAILABLE, "%.160s: another process writes here", dir);
	}
	*ret_lock = lock;
	return OK;
}

enum error store_dir_remove(const char *dir, struct problem *why) {
	static const char *const files[] = {"data.mdb", "lock.mdb", "writer.lock"};
	int at = open(dir, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC), lock = -1, code = 0;
	if (at < 0) return errno == ENOENT ? OK : failed(why, errno, "cannot open", dir);
	enum error e = claim(at, dir, &lock, why);
	for (size_t i = 0; !e && !code && i < ARRAY_LEN(files); i++)
		if (unlinkat(at, files[i], 0) != 0 && errno != ENOENT) code = errno;
	if (lock >= 0) (void)close(lock);
	(void)close(at);
	if (!e && !code && rmdir(dir) != 0) code = errno;
	if (code) return failed(why, code, "cannot remove", dir);
	return e;
}

/* For file systems that cannot exchange: DIR is away between the two renames, which store_dir_recover knows. */
static int replace_in_two(const char *dir, const char *fresh, const char *old) {
	if (rename(dir, old) != 0) return errno;
	if (rename(fresh, dir) == 0) return 0;
	int code = errno;
	(void)rename(old, dir);
	return code;
}

enum error store_dir_replace(const char *dir, struct problem *why) {
	char fresh[PATH_MAX], old[PATH_MAX];
	enum error e = store_dir_beside(dir, STORE_NEW, fresh, why);
	if (!e) e = store_dir_beside(dir, STORE_OLD, old, why);
	if (!e) e = lmdb_sync_dir(fresh, why);
	if (e) return e;
	int code = 0;
	if (renameat2(AT_FDCWD, fresh, AT_FDCWD, dir, RENAME_EXCHANGE) != 0) code = errno;
	if (code == EINVAL || code == ENOSYS) {
		e = store_dir_remove(old, why);
		if (e) return e;
		code = replace_in_two(dir, fresh, old);
	}
	return code ? failed(why, code, "cannot replace", dir) : sync_parent(dir, why);
}

enum error store_dir_recover(const char *dir, struct problem *why) {
	char fresh[PATH_MAX], old[PATH_MAX];
	enum error e = store_dir_beside(dir, STORE_NEW, fresh, why);
	if (!e) e = store_dir_beside(dir, STORE_OLD, old, why);
	if (e) return e;
	/* the old one is moved away only when the new one is whole */
	if (holds_store(dir) || !holds_store(old)) return OK;
	if (rename(holds_store(fresh) ? fresh : old, dir) != 0) return failed(why, errno, "cannot restore", dir);
	return sync_parent(dir, why);
}
