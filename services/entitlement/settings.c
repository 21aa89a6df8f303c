#include "worker.h"

#define AT(member) offsetof(struct worker_settings, member)

static const struct setting rows[] = {
	{"JOURNALS", SETTING_PAIRS, AT(journals), .fallback = "ipc://./data/journal-pub,ipc://./data/journal-replay",
	 .help = "the journals to follow: pub,replay pairs separated by ;"},
	{"STORE_DIR", SETTING_DIR, AT(store_dir), .fallback = "./data/entitlements", .help = "the entitlement store"},
	{"MAP_SIZE", SETTING_SIZE, AT(map_size), .fallback = "64G", .min = 1024 * 1024,
	 .help = "address space kept for the store; the file grows with its content only"},
	{"CHANGES_PUB", SETTING_ENDPOINTS, AT(changes_pub), .fallback = "ipc://./data/changes",
	 .help = "where changes are published for query; several are separated by ;"},
	{"CONTROL", SETTING_ENDPOINTS, AT(control), .fallback = "ipc://./data/control",
	 .help = "where the operator's command asks for a retry or a rebuild"},
	CURVE_DIR_SETTING(struct worker_settings, curve_dir),
	{"CATALOG", SETTING_FILE, AT(catalog), .fallback = "./tiers.yaml",
	 .help = "the catalog of tiers; read again on HUP"},
	{"SUBJECT_METADATA_KEY", SETTING_STRING, AT(metadata_key), .fallback = "user_id",
	 .help = "the metadata entry of customers and subscriptions that names the subject"},
	{"HISTORY", SETTING_DURATION, AT(history_ms), .fallback = "400d", .min = 3600000,
	 .help = "how long past answers are kept, for questions about a moment in the past"},
	{"WORKER_NAME", SETTING_STRING, AT(worker_name), .fallback = "worker",
	 .help = "under which journals keep this worker's progress; one name a store"},
	SERVICE_SETTINGS(struct worker_settings, service, "127.0.0.1:8802"),
};

const struct settings_table worker_settings_table = {
	.program = "tiergate-entitlement",
	.purpose = "Follows the journals and folds their events into the entitlement store.",
	.notes = "HUP reads the catalog and the allowed keys again and retries what is in quarantine. TERM drains and "
		 "exits 0.",
	.rows = rows,
	.count = ARRAY_LEN(rows),
};
