/* Is this store the one that its last writer left, or a copy of what it was before?
 *
 * Versions count within an epoch, so a store that was put back from a backup must get another epoch: it will use its
 * versions again for other changes, and whoever keeps a cache would take them for those that it knows. The writer's
 * lock file beside the store, which no backup of the store needs to have, says what was written last: the epoch, the
 * version, and which file it was (its inode and birth; a file that is copied is another one). The epoch holds while all
 * of that fits and the store's version is not below.
 *
 * Not noticed: a whole file system that was set back, lock file, inodes and all. Readers then see versions go back.
 */
#ifndef STORE_LINEAGE_H
#define STORE_LINEAGE_H

#include <stdbool.h>
#include <stdint.h>

/* lock: the open lock file of the writer. False: also when nothing is known. */
bool lineage_holds(int lock, const char *dir, uint64_t epoch, uint64_t version);
/* Written after a store was made, or got another epoch. What cannot be written counts as unknown, at the next start. */
void lineage_begin(int lock, const char *dir, uint64_t epoch, uint64_t version);
/* After a commit. */
void lineage_advance(int lock, uint64_t version);

#endif
