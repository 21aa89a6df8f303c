/* Randomness of the kernel (getrandom): for origins, epochs and request ids. */
#ifndef SERVICE_RANDOM_H
#define SERVICE_RANDOM_H

#include "base/error.h"
#include <stdint.h>

/* Never 0, and at most INT64_MAX: JSON and databases hold it exactly as a signed number. */
NODISCARD enum error random_u64(uint64_t *ret_n, struct problem *why);

#endif
