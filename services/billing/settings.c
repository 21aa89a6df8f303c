#include "billing.h"

#define TEXT(n) #n
#define NUMBER(n) TEXT(n)
#define AT(member) offsetof(struct billing_settings, member)

static const struct setting rows[] = {
	{"LISTEN", SETTING_LISTEN, AT(listen), .fallback = "127.0.0.1:8702",
	 .help = "where the API and the page are served, behind your TLS proxy"},
	{"PUBLIC_URL", SETTING_STRING, AT(public_url), .fallback = "http://127.0.0.1:8700",
	 .help = "the origin under which browsers see it"},
	{"STRIPE_API_KEY", SETTING_SECRET, AT(api_key),
	 .help = "a secret or restricted key, sk_… or rk_…; without it nothing can be bought or managed"},
	{"STRIPE_API_BASE", SETTING_STRING, AT(api_base), .fallback = STRIPE_API_BASE, .help = "where Stripe's API is"},
	{"STRIPE_DEADLINE", SETTING_DURATION, AT(stripe_deadline_ms), .fallback = "8s", .min = 100, .max = 9000,
	 .help = "how long one request of Stripe's API may take"},
	{"QUERY", SETTING_STRING, AT(query), .fallback = "tcp://127.0.0.1:8721",
	 .help = "where tiers are asked for; several are separated by ;"},
	{"FEED", SETTING_STRING, AT(feed), .fallback = "tcp://127.0.0.1:8722",
	 .help = "where their changes are published, in the same order"},
	CURVE_DIR_SETTING(struct billing_settings, curve_dir),
	{"RECONCILER", SETTING_ENDPOINTS, AT(reconciler), .fallback = "ipc://./data/reconciler",
	 .help = "the reconciler, which fetches what was just paid"},
	{"CATALOG", SETTING_FILE, AT(catalog), .fallback = "./tiers.yaml",
	 .help = "the catalog of tiers; read again on HUP"},
	{"SUBJECT_METADATA_KEY", SETTING_STRING, AT(metadata_key), .fallback = "user_id",
	 .help = "the metadata entry of customers that names the subject"},
	{"SUBJECT_MAY_BE_CUSTOMER", SETTING_BOOL, AT(subject_may_be_customer), .fallback = "no",
	 .help = "whether a token's sub may be a customer of Stripe, cus_…"},
	{"JWT_ISSUER", SETTING_STRING, AT(jwt_issuer), .required = true,
	 .help = "who makes tokens: their iss, exactly"},
	{"JWT_AUDIENCE", SETTING_STRING, AT(jwt_audience), .required = true, .help = "for whom they are: their aud"},
	{"JWT_KEYS", SETTING_STRING, AT(jwt_keys), .required = true,
	 .help = "the keys that sign them, a JWK set: a file, read again on HUP, or an https:// address"},
	{"JWT_ALGORITHMS", SETTING_STRING, AT(jwt_algorithms), .fallback = "RS256;ES256",
	 .help = "the algorithms that are allowed; HS256 only with keys from a file"},
	{"JWT_COOKIE", SETTING_STRING, AT(jwt_cookie),
	 .help = "the cookie that carries the token when there is no Authorization"},
	{"RETURN_URLS", SETTING_STRING, AT(return_urls),
	 .help = "origins and addresses that Stripe's pages may return to, separated by ;; PUBLIC_URL when not set"},
	{"ORIGINS", SETTING_STRING, AT(origins), .help = "other origins whose pages may call the API, separated by ;"},
	{"RATE_LIMIT", SETTING_U64, AT(rate_limit), .fallback = NUMBER(RATE_LIMIT_DEFAULT), .min = 1, .max = 1000000,
	 .help = "requests a minute of one subject"},
	SERVICE_SETTINGS(struct billing_settings, service, "127.0.0.1:8804"),
};

const struct settings_table billing_settings_table = {
	.program = "tiergate-billing",
	.purpose = "Checkout, portal, status and invoices for a platform's customers, and the page that shows them.",
	.notes =
		"HUP reads the catalog and the keys of tokens again, and keeps the old ones when the new are bad. TERM "
		"drains and exits 0.",
	.rows = rows,
	.count = ARRAY_LEN(rows),
};
