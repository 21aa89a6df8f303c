/* The settings of tiergate-ingress. */
#ifndef INGRESS_SETTINGS_H
#define INGRESS_SETTINGS_H

#include "service/settings.h"
#include "service/start.h"

struct ingress_settings {
	struct service_settings service;
	const char *listen;
	const char *journal_dir;
	const char *secrets; /* the text, net/webhook_secrets.h */
	struct endpoints journal_pub;
	struct endpoints journal_replay;
	const char *curve_dir; /* NULL: no keys */
	int64_t retention_ms;
	uint64_t map_size; /* bytes; 0: the store's default */
};

extern const struct settings_table ingress_settings_table;

#endif
