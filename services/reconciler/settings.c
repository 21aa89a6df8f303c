#include "reconciler.h"

#define AT(member) offsetof(struct reconciler_settings, member)

static const struct setting rows[] = {
	{"STRIPE_API_KEY", SETTING_SECRET, AT(api_key),
	 .help = "a secret or restricted key, sk_… or rk_…, that may read; without it nothing is reconciled"},
	{"STRIPE_API_BASE", SETTING_STRING, AT(api_base), .fallback = STRIPE_API_BASE, .help = "where Stripe's API is"},
	{"STRIPE_ACCOUNTS", SETTING_STRING, AT(accounts),
	 .help = "connected accounts to reconcile as well: acct_… separated by ;"},
	{"JOURNAL_REPLAY", SETTING_ENDPOINTS, AT(journal_replay), .fallback = "ipc://./data/journal-replay",
	 .help = "the journal, which it reads and appends to; the first of several"},
	CURVE_DIR_SETTING(struct reconciler_settings, curve_dir),
	{"STORE_DIR", SETTING_DIR, AT(store_dir), .fallback = "./data/entitlements",
	 .help = "the entitlement store, which it only reads"},
	{"CATALOG", SETTING_FILE, AT(catalog), .fallback = "./tiers.yaml",
	 .help = "the catalog of tiers, to say whose tier a difference changes"},
	{"SUBJECT_METADATA_KEY", SETTING_STRING, AT(metadata_key), .fallback = "user_id",
	 .help = "the metadata entry of customers and subscriptions that names the subject"},
	{"RECONCILER", SETTING_ENDPOINTS, AT(bind), .fallback = "ipc://./data/reconciler",
	 .help = "where it takes requests for a pass, a session or an object; several are separated by ;"},
	{"EVENTS_EVERY", SETTING_DURATION, AT(events_every_ms), .fallback = "60s", .min = 100,
	 .help = "how often Stripe's events are listed for missing ones"},
	{"SWEEP_EVERY", SETTING_DURATION, AT(sweep_every_ms), .fallback = "6h", .min = 1000,
	 .help = "how often all objects are compared with the store"},
	{"RATE", SETTING_U64, AT(rate), .fallback = "20", .min = 1, .max = 100,
	 .help = "requests a second at most; Stripe allows 100, and 25 in test mode"},
	{"SILENCE", SETTING_DURATION, AT(silence_ms), .fallback = "1h", .min = 1000,
	 .help = "webhooks that lag so far behind Stripe's events are an alarm"},
	SERVICE_SETTINGS(struct reconciler_settings, service, "127.0.0.1:8805"),
};

const struct settings_table reconciler_settings_table = {
	.program = "tiergate-reconciler",
	.purpose = "Reads from Stripe's API what webhooks did not bring, and appends it to the journal.",
	.notes = "HUP reads the catalog and the allowed keys again. TERM exits 0.",
	.rows = rows,
	.count = ARRAY_LEN(rows),
};
