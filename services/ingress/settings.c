#include "settings.h"

#include "service/keys.h"

#define DAY_MS (24ull * 60 * 60 * 1000)

static const struct setting rows[] = {
	{"LISTEN", SETTING_LISTEN, offsetof(struct ingress_settings, listen), .fallback = "127.0.0.1:8701",
	 .help = "where webhooks are received, and nothing else"},
	{"WEBHOOK_SECRETS", SETTING_SECRET, offsetof(struct ingress_settings, secrets), .required = true,
	 .secret_lines = true, .help = "lines of: label live|test whsec_… [account]"},
	{"JOURNAL_DIR", SETTING_DIR, offsetof(struct ingress_settings, journal_dir), .fallback = "./data/journal",
	 .help = "where the journal is; made when missing"},
	{"JOURNAL_PUB", SETTING_ENDPOINTS, offsetof(struct ingress_settings, journal_pub),
	 .fallback = "ipc://./data/journal-pub", .help = "where new records are published; several are separated by ;"},
	{"JOURNAL_REPLAY", SETTING_ENDPOINTS, offsetof(struct ingress_settings, journal_replay),
	 .fallback = "ipc://./data/journal-replay", .help = "where records are replayed and facts appended"},
	CURVE_DIR_SETTING(struct ingress_settings, curve_dir),
	{"RETENTION", SETTING_DURATION, offsetof(struct ingress_settings, retention_ms), .fallback = "30d", .min = 1000,
	 .max = 3650 * DAY_MS, .help = "how long records are kept once every known worker has them"},
	{"MAP_SIZE", SETTING_SIZE, offsetof(struct ingress_settings, map_size), .fallback = "64G", .min = 1ull << 20,
	 .max = 16ull << 40, .help = "the journal's largest size; address space, not disk"},
	SERVICE_SETTINGS(struct ingress_settings, service, "127.0.0.1:8801"),
};

const struct settings_table ingress_settings_table = {
	.program = "tiergate-ingress",
	.purpose = "Receives Stripe's webhooks, proves them and writes them to the journal before it answers.",
	.notes = "HUP reads the secrets, when they come from a file, and the allowed keys again; bad ones are refused "
		 "and the "
		 "old ones stay.\n"
		 "TERM answers what was accepted and exits 0.",
	.rows = rows,
	.count = ARRAY_LEN(rows),
};
