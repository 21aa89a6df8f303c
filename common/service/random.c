#include "service/random.h"

#include <errno.h>
#include <string.h>
#include <sys/random.h>

enum error random_u64(uint64_t *ret_n, struct problem *why) {
	uint64_t n = 0;
	while (n == 0) {
		ssize_t got = getrandom(&n, sizeof n, 0);
		if (got < 0 && errno == EINTR) got = 0;
		if (got < 0) return problem_set(why, ERR_IO, "getrandom: %s", strerror(errno));
		if (got != (ssize_t)sizeof n) n = 0;
		n &= INT64_MAX;
	}
	*ret_n = n;
	return OK;
}
