/* Origins, as browsers write them: "https://app.example.com", "http://127.0.0.1:8700". Compared byte for byte, as the
 * Fetch standard does. */
#ifndef BILLING_ORIGINS_H
#define BILLING_ORIGINS_H

#include "base/error.h"
#include "base/view.h"

#define ORIGINS_MAX 64
#define ORIGIN_MAX 256 /* bytes with the NUL */

struct origins {
	unsigned count;
	char at[ORIGINS_MAX][ORIGIN_MAX];
};

/* Adds the origin of an address: scheme, host and port, in lower case and without a default port. ERR_CONFIG: it is no
 * http or https address; ERR_LIMIT. */
NODISCARD enum error origins_add_url(struct origins *o, struct view url, struct problem *why);
/* Adds each of a list separated by ';'; they have no path. */
NODISCARD enum error origins_add_list(struct origins *o, const char *list, struct problem *why);
/* The one that equals it; NULL: none does. */
const char *origins_find(const struct origins *o, struct view origin);

#endif
