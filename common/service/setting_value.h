/* From a setting's text to its value, and the sentences for a person who mistyped it. Private to settings. */
#ifndef SERVICE_SETTING_VALUE_H
#define SERVICE_SETTING_VALUE_H

#include "service/settings.h"

/* Checks the text of a row and stores the value at `into` (the row's place in the target), or nowhere when
 * that is NULL. origin: how the person wrote the setting. For strings `into` gets `text` itself. */
NODISCARD enum error setting_store(const struct setting *row, const char *origin, const char *text, void *into,
				   struct problem *why);

/* An endpoint in the text, which passed setting_store, that is not local; false: there is none, or the row is no
 * endpoint's. */
bool setting_remote(const struct setting *row, const char *text, char ret_endpoint[ENDPOINT_MAX]);

struct flag_name {
	char text[SETTING_NAME_MAX];
};
/* "journal-dir" */
struct flag_name setting_flag(const struct setting *row);

/* What goes behind the flag in --help: "DIR", "live|test". NULL: nothing. */
const char *setting_placeholder(const struct setting *row);

#endif
