#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include "store/lmdb_shell.h"

#define FILE_MODE 0600
#define DIR_MODE 0700
#define PAGES_AT_BIRTH 2 /* LMDB's two meta pages; less is an environment that is not made yet */

enum error lmdb_sync_dir(const char *dir, struct problem *why) {
	int fd = open(dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	int failed = fd < 0 || fsync(fd) != 0 ? errno : 0;
	if (fd >= 0) (void)close(fd);
	if (!failed) return OK;
	(void)lmdb_problem(why, failed, dir);
	return lmdb_error(failed);
}

/* The parent of path[0..len), written to out[PATH_MAX]: "." for a relative name of one part. */
static void parent_of(const char *path, size_t len, char *out) {
	while (len > 1 && path[len - 1] == '/') len--;
	while (len > 0 && path[len - 1] != '/') len--;
	while (len > 1 && path[len - 1] == '/') len--;
	if (len == 0) {
		out[0] = '.';
		len = 1;
	} else {
		memcpy(out, path, len);
	}
	out[len] = '\0';
}

enum error lmdb_make_dir(const char *dir, struct problem *why) {
	char path[PATH_MAX], parent[PATH_MAX];
	size_t len = strlen(dir);
	if (len == 0 || len >= sizeof path) return problem_set(why, ERR_CONFIG, "directory name is empty or too long");

	/* each prefix that ends before a slash, then the whole */
	for (size_t i = 1; i <= len; i++) {
		if (i < len && dir[i] != '/') continue;
		memcpy(path, dir, i);
		path[i] = '\0';
		if (mkdir(path, DIR_MODE) == 0) {
			parent_of(dir, i, parent);
			enum error e = lmdb_sync_dir(parent, why);
			if (e) return e;
		} else if (errno != EEXIST) {
			return lmdb_problem(why, errno, path);
		}
	}
	return OK;
}

/* Held as long as the process lives or the environment is open; the kernel lets go after any death. */
static enum error lock_writer(const char *dir, struct lmdb *db, struct problem *why) {
	char path[PATH_MAX];
	if (snprintf(path, sizeof path, "%s/writer.lock", dir) >= (int)sizeof path)
		return problem_set(why, ERR_CONFIG, "directory name is too long");
	int fd = open(path, O_RDWR | O_CREAT | O_CLOEXEC, FILE_MODE);
	if (fd < 0) return lmdb_problem(why, errno, path);
	if (flock(fd, LOCK_EX | LOCK_NB) == 0) {
		db->writer_fd = fd;
		db->locked = true;
		return OK;
	}
	int failed = errno;
	(void)close(fd);
	if (failed == EWOULDBLOCK) return problem_set(why, ERR_UNAVAILABLE, "%s: another process writes here", dir);
	return lmdb_problem(why, failed, path);
}

/* A reader must not be the one who makes it. */
static enum error find_existing(const char *dir, struct problem *why) {
	char path[PATH_MAX];
	struct stat st;
	if (snprintf(path, sizeof path, "%s/data.mdb", dir) >= (int)sizeof path)
		return problem_set(why, ERR_CONFIG, "directory name is too long");
	if (stat(path, &st) == 0 && st.st_size >= PAGES_AT_BIRTH * sysconf(_SC_PAGESIZE)) return OK;
	return problem_set(why, ERR_NOT_FOUND, "%s: not there yet", dir);
}

static enum error open_tables(const struct lmdb_options *o, struct lmdb *db, struct problem *why) {
	struct lmdb_txn t;
	enum error e = lmdb_begin(db, !o->read_only, &t, why);
	if (e) return e;
	for (unsigned i = 0; i < o->table_count; i++) {
		int rc = mdb_dbi_open(t.txn, o->tables[i], o->read_only ? 0 : MDB_CREATE, &db->tables[i]);
		if (rc == 0) continue;
		lmdb_abort(&t);
		/* all are made at once, so one that is not there is one that the maker did not know */
		if (rc == MDB_NOTFOUND && i > 0)
			return problem_set(why, ERR_VERSION, "%s: made by an older program, without \"%s\"", o->dir,
					   o->tables[i]);
		if (rc == MDB_NOTFOUND) return problem_set(why, ERR_NOT_FOUND, "%s: not made yet", o->dir);
		return lmdb_problem(why, rc, o->tables[i]);
	}
	db->table_count = o->table_count;
	/* handles opened in a read-only transaction stay too, once it is committed */
	return lmdb_commit(&t, why);
}

static enum error open_env(const struct lmdb_options *o, struct lmdb *db, struct problem *why) {
	unsigned flags = MDB_NOTLS;
	if (o->read_only) flags |= MDB_RDONLY;
	if (o->no_sync) flags |= MDB_NOSYNC;

	int rc = mdb_env_create(&db->env);
	if (rc == 0) rc = mdb_env_set_maxdbs(db->env, LMDB_TABLES_MAX);
	if (rc == 0) rc = mdb_env_set_maxreaders(db->env, LMDB_READERS_MAX);
	/* a reader takes the size from the file */
	if (rc == 0 && !o->read_only) rc = mdb_env_set_mapsize(db->env, (size_t)o->map_size);
	if (rc == 0) rc = mdb_env_open(db->env, o->dir, flags, FILE_MODE);
	if (rc == 0) return open_tables(o, db, why);
	if (rc == ENOENT) return problem_set(why, ERR_NOT_FOUND, "%s: not there", o->dir);
	return lmdb_problem(why, rc, o->dir);
}

enum error lmdb_open(const struct lmdb_options *o, struct lmdb *db, struct problem *why) {
	*db = (struct lmdb){.read_only = o->read_only, .no_sync = o->no_sync};
	enum error e;
	if (o->read_only) {
		e = find_existing(o->dir, why);
	} else {
		e = lmdb_make_dir(o->dir, why);
		if (!e) e = lock_writer(o->dir, db, why);
	}
	if (!e) e = open_env(o, db, why);
	if (!e && !o->read_only) e = lmdb_sync_dir(o->dir, why);
	if (e) lmdb_close(db);
	return e;
}

bool lmdb_in_place(const struct lmdb *db) {
	char path[PATH_MAX];
	const char *dir;
	struct stat there, here;
	int fd;
	if (mdb_env_get_path(db->env, &dir) || mdb_env_get_fd(db->env, &fd)) return false;
	if (snprintf(path, sizeof path, "%s/data.mdb", dir) >= (int)sizeof path) return false;
	if (stat(path, &there)) return errno != ENOENT && errno != ENOTDIR; /* not seen is not gone */
	return fstat(fd, &here) == 0 && here.st_dev == there.st_dev && here.st_ino == there.st_ino;
}

void lmdb_close(struct lmdb *db) {
	if (db->env) mdb_env_close(db->env);
	if (db->locked) (void)close(db->writer_fd);
	*db = (struct lmdb){0};
}
