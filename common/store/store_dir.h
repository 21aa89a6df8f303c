/* The directories of a store that is made anew: DIR is answered from, DIR.new is being filled, and DIR.old is on its
 * way out. A store is a directory with LMDB's files; these calls know nothing of what is in them.
 *
 * At every moment one whole store is at DIR, or can be put there by store_dir_recover. Where the file system can
 * exchange two names in one step (ext4, xfs, btrfs, tmpfs), DIR is never without one.
 */
#ifndef STORE_STORE_DIR_H
#define STORE_STORE_DIR_H

#include "base/error.h"

#include <limits.h>

#define STORE_NEW ".new"
#define STORE_OLD ".old"

/* dir + suffix into out[PATH_MAX]; slashes at dir's end do not count. ERR_CONFIG: too long. */
NODISCARD enum error store_dir_beside(const char *dir, const char *suffix, char *out, struct problem *why);
/* Before DIR is opened: finishes a replacement that was cut off between its two renames. */
NODISCARD enum error store_dir_recover(const char *dir, struct problem *why);
/* Removes a store's directory; OK when there is none. ERR_UNAVAILABLE: a process writes there. */
NODISCARD enum error store_dir_remove(const char *dir, struct problem *why);
/* DIR.new takes DIR's place, and what was there is now DIR.new or DIR.old: remove both afterwards. Durable when it
 * returns. Open handles stay with their files; a store that is open under its old name has to be opened anew. On
 * failure DIR is as it was. ERR_CONFIG: DIR is a mount point, or on another file system than DIR.new. */
NODISCARD enum error store_dir_replace(const char *dir, struct problem *why);

#endif
