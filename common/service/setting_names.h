/* Every setting of every service, in one list, so that a misspelt TIERGATE_* name is an error everywhere and
 * another service's name is not. A new row in any table is added here as well: a program whose row is missing here does
 * not start. symbol, does it have a _FILE form */
#ifndef SERVICE_SETTING_NAMES_H
#define SERVICE_SETTING_NAMES_H

#define SETTING_NAMES(X)                                                                                               \
	X("ADMIN_LISTEN", false)                                                                                       \
	X("BILLING_ADMIN", false)                                                                                      \
	X("CATALOG", false)                                                                                            \
	X("CHANGES_PUB", false)                                                                                        \
	X("CONTROL", false)                                                                                            \
	X("CURVE_DIR", false)                                                                                          \
	X("ENTITLEMENT_ADMIN", false)                                                                                  \
	X("EVENTS_EVERY", false)                                                                                       \
	X("FEED", false)                                                                                               \
	X("FEED_BIND", false)                                                                                          \
	X("HISTORY", false)                                                                                            \
	X("INGRESS_ADMIN", false)                                                                                      \
	X("JOURNALS", false)                                                                                           \
	X("JOURNAL_DIR", false)                                                                                        \
	X("JOURNAL_PUB", false)                                                                                        \
	X("JOURNAL_REPLAY", false)                                                                                     \
	X("JWT_ALGORITHMS", false)                                                                                     \
	X("JWT_AUDIENCE", false)                                                                                       \
	X("JWT_COOKIE", false)                                                                                         \
	X("JWT_ISSUER", false)                                                                                         \
	X("JWT_KEYS", false)                                                                                           \
	X("LISTEN", false)                                                                                             \
	X("LOG_FORMAT", false)                                                                                         \
	X("LOG_LEVEL", false)                                                                                          \
	X("MAP_SIZE", false)                                                                                           \
	X("MODE", false)                                                                                               \
	X("ORIGINS", false)                                                                                            \
	X("PUBLIC_URL", false)                                                                                         \
	X("QUERY", false)                                                                                              \
	X("QUERY_ADMIN", false)                                                                                        \
	X("QUERY_BIND", false)                                                                                         \
	X("RATE", false)                                                                                               \
	X("RATE_LIMIT", false)                                                                                         \
	X("RECONCILER", false)                                                                                         \
	X("RECONCILER_ADMIN", false)                                                                                   \
	X("RETENTION", false)                                                                                          \
	X("RETURN_URLS", false)                                                                                        \
	X("SILENCE", false)                                                                                            \
	X("STORE_DIR", false)                                                                                          \
	X("STRIPE_ACCOUNTS", false)                                                                                    \
	X("STRIPE_API_BASE", false)                                                                                    \
	X("STRIPE_API_KEY", true)                                                                                      \
	X("STRIPE_DEADLINE", false)                                                                                    \
	X("SUBJECT_MAY_BE_CUSTOMER", false)                                                                            \
	X("SUBJECT_METADATA_KEY", false)                                                                               \
	X("SWEEP_EVERY", false)                                                                                        \
	X("TIMEOUT", false)                                                                                            \
	X("WEBHOOK_SECRETS", true)                                                                                     \
	X("WEBHOOK_URL", false)                                                                                        \
	X("WORKER_NAME", false)                                                                                        \
	/* not settings: the tests' random seed and rounds, which their child processes inherit */                     \
	X("SEED", false)                                                                                               \
	X("ROUNDS", false)

#endif
