#include "ask_private.h"
#include "service/clock.h"
#include "service/random.h"
#include "shop_ports.h"

/* A setting's problem, with its name as the person wrote it. */
static enum error named(struct billing *b, const char *setting, enum error e, const struct problem *detail,
			struct problem *why) {
	if (!e) return OK;
	return problem_set(why, e == ERR_MEMORY ? e : ERR_CONFIG, "%s: %.180s", settings_origin(b->loaded, setting),
			   problem_text(detail));
}

static enum error open_origins(struct billing *b, struct problem *why) {
	struct problem detail = {0};
	enum error e = origins_add_url(&b->origins, view_str(b->settings.public_url), &detail);
	if (e) return named(b, "PUBLIC_URL", e, &detail, why);
	if (view_str(b->settings.public_url).len != strlen(b->origins.at[0]))
		return problem_set(why, ERR_CONFIG,
				   "%s: want an origin, https://host[:port], in lower case and no more",
				   settings_origin(b->loaded, "PUBLIC_URL"));
	return named(b, "ORIGINS", origins_add_list(&b->origins, b->settings.origins, &detail), &detail, why);
}

static void observe(void *ctx, const struct stripe_answer *a) {
	struct billing *b = ctx;
	counter_add(b->metrics.stripe[a->outcome], 1);
}

static enum error open_api(struct billing *b, struct problem *why) {
	struct problem detail = {0};
	enum error e = stripe_base_check(b->settings.api_base, &detail);
	if (e) return named(b, "STRIPE_API_BASE", e, &detail, why);
	if (!b->settings.api_key) return OK;
	service_hide();
	e = stripe_key_mode(view_str(b->settings.api_key), &b->livemode, &detail);
	if (e) return named(b, "STRIPE_API_KEY", e, &detail, why);
	const struct stripe_api_options o = {.base = b->settings.api_base,
					     .key = view_str(b->settings.api_key),
					     .deadline_ms = b->settings.stripe_deadline_ms};
	return calls_create(&o, observe, b, &b->calls, why);
}

static void settled(void *ctx, bool changed, const struct problem *why) {
	struct billing *b = ctx;
	counter_add(changed ? b->metrics.keys_fetched : b->metrics.keys_failed, 1);
	if (changed)
		log_info(&b->service.log, log_ev("keys_fetched"), kv_u64("keys", auth_key_count(b->auth)));
	else
		log_warn(&b->service.log, log_ev("keys_not_fetched"), kv_why(why),
			 kv_u64("kept", auth_key_count(b->auth)));
	if (auth_key_count(b->auth)) health_met(b->service.health, "keys");
	gate_settled(b);
}

/* RFC 6265 has fewer, and browsers take more. What ends a name or a value in a Cookie header is in none. */
static enum error check_cookie(const struct billing *b, struct problem *why) {
	const char *name = b->settings.jwt_cookie;
	for (const char *c = name ? name : ""; *c; c++)
		if (*c <= ' ' || *c > '~' || strchr(";=,\"", *c))
			return problem_set(why, ERR_CONFIG,
					   "%s: want the name of a cookie: visible ASCII characters but ; = , and \"",
					   settings_origin(b->loaded, "JWT_COOKIE"));
	return OK;
}

static enum error open_auth(struct billing *b, struct problem *why) {
	struct problem detail = {0};
	const struct auth_options o = {.issuer = b->settings.jwt_issuer,
				       .audience = b->settings.jwt_audience,
				       .keys = b->settings.jwt_keys,
				       .algorithms = b->settings.jwt_algorithms,
				       .settled = settled,
				       .ctx = b};
	uint32_t algorithms;
	enum error e = algorithms_parse(o.algorithms, &algorithms, &detail);
	if (e) return named(b, "JWT_ALGORITHMS", e, &detail, why);
	e = auth_create(&o, &b->auth, &detail);
	if (!e && !auth_key_count(b->auth))
		health_broken(b->service.health, "keys", "the keys of tokens are not here yet");
	return named(b, "JWT_KEYS", e, &detail, why);
}

/* Answers go on from what was known, for every name, when query is away: they say so. */
static enum error open_tiers(struct billing *b, struct problem *why) {
	static const struct tg_policy last_known = {.outage = TG_LAST_KNOWN};
	char detail[TG_WHY_SIZE] = "";
	const struct tg_options o = {.query = b->settings.query,
				     .feed = b->settings.feed,
				     .curve_dir = b->settings.curve_dir,
				     .policies = &last_known,
				     .policy_count = 1};
	if (tg_client_open(&o, &b->tiers, detail) == 0) return OK;
	return problem_set(why, ERR_CONFIG, "%s, %s: %s", settings_origin(b->loaded, "QUERY"),
			   settings_origin(b->loaded, "FEED"), detail);
}

static enum error open_reconciler(struct billing *b, struct problem *why) {
	const char *at = b->settings.reconciler.at[0];
	const struct keys_needs needs = {.connects = !endpoint_is_local(at)};
	enum error e = keys_open(&b->keys, &b->service, b->settings.curve_dir, needs, why);
	return e ? e : reconciler_link_create(b->service.zmq, &b->keys, at, &b->reconciler, why);
}

static enum error open_memory(struct billing *b, struct problem *why) {
	uint64_t seed = 0;
	enum error e = random_u64(&seed, why);
	if (!e) e = random_u64(&b->run, why);
	if (e) return e;
	b->limits = limits_create(seed);
	b->idempotency = idempotency_create();
	return b->limits && b->idempotency ? OK : problem_set(why, ERR_MEMORY, "out of memory");
}

enum error billing_open(struct billing *b, struct problem *why) {
	b->now_ms = mono_ms();
	pthread_mutex_init(&b->catalog_mutex, NULL);
	report_metrics(b);
	enum error e = inbox_create(&b->inbox, why);
	if (!e) e = open_origins(b, why);
	if (!e) e = catalog_now_load(b, why);
	if (!e) e = open_memory(b, why);
	if (!e) e = check_cookie(b, why);
	if (!e) e = open_auth(b, why);
	if (!e) e = open_api(b, why);
	if (!e) e = open_reconciler(b, why);
	if (!e) e = open_tiers(b, why);
	if (!e) e = shop_ports_open(b, why);
	return e ? e : routes_serve(b, why);
}

/* Asks first, as long as all that they lean on is there; what others still owe them goes nowhere then. */
void billing_close(struct billing *b) {
	if (!b->inbox) return;
	b->closing = true;
	if (b->http) (void)http_server_drain(b->http, 0); /* no handler runs from here on */
	tg_client_close(&b->tiers);                       /* what it still owes comes now */
	inbox_run(b->inbox);
	ask_refuse_all(b);
	http_server_destroy(&b->http);
	calls_destroy(&b->calls);
	shop_destroy(&b->shop);
	keys_unwatch(&b->keys);
	reconciler_link_destroy(&b->reconciler);
	keys_close(&b->keys);
	auth_destroy(&b->auth);
	limits_destroy(&b->limits);
	idempotency_destroy(&b->idempotency);
	catalog_now_release(b, &b->catalog);
	pthread_mutex_destroy(&b->catalog_mutex);
	inbox_destroy(&b->inbox);
}
