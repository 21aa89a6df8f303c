#include <zmq.h>

#include "reconciler.h"
#include "service/clock.h"

static enum error add_account(struct reconciler *r, struct view account, struct problem *why) {
	if (!view_starts(account, VIEW("acct_")) || account.len > ACCOUNT_MAX)
		return problem_set(why, ERR_CONFIG, "%s: '%.*s' is no account: they start with acct_",
				   settings_origin(r->loaded, "STRIPE_ACCOUNTS"),
				   (int)(account.len < 40 ? account.len : 40), account.ptr);
	if (r->scope_count == ARRAY_LEN(r->scopes))
		return problem_set(why, ERR_CONFIG, "%s: more than %d accounts",
				   settings_origin(r->loaded, "STRIPE_ACCOUNTS"), ACCOUNTS_MAX);
	for (size_t i = 0; i < account.len; i++)
		if (account.ptr[i] <= ' ' || account.ptr[i] > '~')
			return problem_set(why, ERR_CONFIG, "%s: a blank in an account",
					   settings_origin(r->loaded, "STRIPE_ACCOUNTS"));
	memcpy(r->scopes[r->scope_count++].account, account.ptr, account.len);
	return OK;
}

/* "acct_1;acct_2" */
static enum error read_accounts(struct reconciler *r, struct problem *why) {
	const char *at = r->settings.accounts;
	r->scope_count = 1; /* the key's own */
	while (at && *at) {
		size_t n = strcspn(at, ";");
		if (n) {
			enum error e = add_account(r, view_of(at, n), why);
			if (e) return e;
		}
		at += n + (at[n] == ';');
	}
	return OK;
}

static enum error open_api(struct reconciler *r, struct problem *why) {
	const char *key = r->settings.api_key;
	struct problem detail = {0};
	enum error e = stripe_base_check(r->settings.api_base, &detail);
	if (e)
		return problem_set(why, e, "%s: %s", settings_origin(r->loaded, "STRIPE_API_BASE"),
				   problem_text(&detail));
	if (!key) return OK;
	service_hide();
	e = stripe_key_mode(view_str(key), &r->livemode, &detail);
	if (e)
		return problem_set(why, e, "%s: %s", settings_origin(r->loaded, "STRIPE_API_KEY"),
				   problem_text(&detail));
	const struct stripe_api_options o = {
		.base = r->settings.api_base, .key = view_str(key), .concurrency = REQUESTS_MAX};
	return stripe_api_create(&o, &r->api, why);
}

static enum error open_sockets(struct reconciler *r, struct problem *why) {
	const struct reconciler_settings *s = &r->settings;
	const struct door_options o = {.type = ZMQ_ROUTER,
				       .limits = {.send_hwm = 10000, .message_max = RECONCILE_MESSAGE_MAX},
				       .at = s->bind,
				       .rights = CURVE_SESSION | CURVE_RECONCILE};
	const struct keys_needs needs = {.binds = !endpoints_are_local(&s->bind),
					 .connects = !endpoint_is_local(s->journal_replay.at[0])};
	enum error e = keys_open(&r->keys, &r->service, s->curve_dir, needs, why);
	if (!e) e = link_create(r->service.zmq, &r->keys, s->journal_replay.at[0], &r->link, why);
	return e ? e : door_open(&r->door, r->service.zmq, r->keys.gate, &o, why);
}

enum error reconciler_open(struct reconciler *r, struct problem *why) {
	r->now_ms = mono_ms();
	r->pass.asker = -1;
	report_metrics(r);
	enum error e = read_accounts(r, why);
	if (!e) e = open_api(r, why);
	if (!e) e = catalog_file_load(r->settings.catalog, &r->catalog, why);
	if (e) return e == ERR_NOT_FOUND ? ERR_CONFIG : e;
	r->decoder = stripe_decoder_create(view_str(r->settings.metadata_key));
	r->queue = queue_create();
	if (!r->decoder || !r->queue) return problem_set(why, ERR_MEMORY, "out of memory");
	/* a small burst: Stripe counts by the second */
	token_bucket_init(&r->bucket, r->settings.rate, 1 + r->settings.rate / 10, r->now_ms);
	backoff_init(&r->backoff, PAUSE_FIRST_MS, PAUSE_MOST_MS);
	return open_sockets(r, why);
}

void reconciler_close(struct reconciler *r) {
	stripe_api_destroy(&r->api); /* first: its answers go nowhere from here on */
	keys_unwatch(&r->keys);
	link_destroy(&r->link); /* and then who waits for the journal, while all that they know is still there */
	pass_drop_page(&r->pass);
	pass_objects_free(&r->pass);
	pass_events_free(&r->pass);
	for (unsigned i = 0; i < ERRANDS_MAX; i++) json_decref(r->errands[i].object);
	outbox_close(r);
	door_close(&r->door);
	keys_close(&r->keys);
	look_end(&r->look);
	entitlements_close(&r->store);
	queue_destroy(&r->queue);
	stripe_decoder_destroy(&r->decoder);
	catalog_file_destroy(&r->catalog);
}
