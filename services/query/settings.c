#include "query.h"

static const struct setting rows[] = {
	SERVICE_SETTINGS(struct query_settings, service, "127.0.0.1:8803"),
	{"QUERY_BIND", SETTING_ENDPOINTS, offsetof(struct query_settings, query_bind),
	 .fallback = "tcp://127.0.0.1:8721", .help = "where checks are answered; several are separated by ;"},
	{"FEED_BIND", SETTING_ENDPOINTS, offsetof(struct query_settings, feed_bind), .fallback = "tcp://127.0.0.1:8722",
	 .help = "where changes are published; several are separated by ;"},
	CURVE_DIR_SETTING(struct query_settings, curve_dir),
	{"STORE_DIR", SETTING_DIR, offsetof(struct query_settings, store_dir), .fallback = "./data/entitlements",
	 .help = "the entitlement store, which the worker writes"},
	{"CHANGES_PUB", SETTING_ENDPOINTS, offsetof(struct query_settings, changes_pub),
	 .fallback = "ipc://./data/changes", .help = "the worker's changes and heartbeats; the first is listened to"},
	{"CATALOG", SETTING_FILE, offsetof(struct query_settings, catalog), .fallback = "./tiers.yaml",
	 .help = "tiers, features and prices; read again on HUP"},
	{"MODE", SETTING_CHOICE, offsetof(struct query_settings, mode), .fallback = "live", .choices = "live|test",
	 .help = "whose subscriptions count"},
};

const struct settings_table query_settings_table = {
	.program = "tiergate-query",
	.purpose = "Answers tier checks from the entitlement store and publishes its changes.",
	.notes = "HUP reads the catalog and the allowed keys again; bad ones are refused and the old ones stay. TERM "
		 "drains and exits 0.",
	.rows = rows,
	.count = ARRAY_LEN(rows),
};
