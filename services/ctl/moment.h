/* Moments on the command line. */
#ifndef CTL_MOMENT_H
#define CTL_MOMENT_H

#include "base/error.h"
#include <stdint.h>

/* "2026-11-22T10:45:18Z" or unix seconds. ERR_USAGE, naming `flag`. */
NODISCARD enum error moment_read(const char *flag, const char *text, int64_t *ret_s, struct problem *why);
/* Those, or how long from `now` on: "30d". */
NODISCARD enum error moment_read_end(const char *flag, const char *text, int64_t now, int64_t *ret_s,
				     struct problem *why);

#endif
