#include <unistd.h>

#include "edge.h"
#include "server.h"
#include "service/start.h"
#include "state.h"
#include "webhook_flags.h"

struct options {
	const char *listen, *api_key, *clock_file, *api_version, *webhook, *webhook_secret, *state, *public_url;
	uint64_t now, seed;
	bool frozen;
};

static const struct setting rows[] = {
	{"LISTEN", SETTING_LISTEN, offsetof(struct options, listen), .fallback = "127.0.0.1:0", .flag_only = true,
	 .help = "where the API, the hosted pages and /_sim are"},
	{"PUBLIC_URL", SETTING_STRING, offsetof(struct options, public_url), .flag_only = true,
	 .help = "where browsers find the hosted pages, without a slash at its end; as it listens"},
	{"API_KEY", SETTING_STRING, offsetof(struct options, api_key), .fallback = "sk_test_sim", .flag_only = true,
	 .help = "the key that it takes; sk_live_… makes every object a live one"},
	{"NOW", SETTING_U64, offsetof(struct options, now), .fallback = "0", .flag_only = true,
	 .help = "unix seconds at the start; 0: the wall clock's", .max = SIM_CLOCK_MAX},
	{"SEED", SETTING_U64, offsetof(struct options, seed), .fallback = "1", .flag_only = true,
	 .help = "of ids and of chances"},
	{"FROZEN", SETTING_BOOL, offsetof(struct options, frozen), .fallback = "false", .flag_only = true,
	 .help = "the clock stands still between moves"},
	{"CLOCK_FILE", SETTING_FILE, offsetof(struct options, clock_file), .flag_only = true,
	 .help = "kept at the simulated clock's offset, for tests/support/clock_shift.c"},
	{"API_VERSION", SETTING_STRING, offsetof(struct options, api_version), .fallback = SIM_VERSION,
	 .flag_only = true, .help = "the account's, which events are made with"},
	{"STATE", SETTING_FILE, offsetof(struct options, state), .flag_only = true,
	 .help = "read at the start when it is there, written every few seconds and at the end"},
	{"WEBHOOK", SETTING_STRING, offsetof(struct options, webhook), .flag_only = true,
	 .help = "a URL that all events go to; may be repeated, each followed by its --webhook-secret"},
	{"WEBHOOK_SECRET", SETTING_STRING, offsetof(struct options, webhook_secret), .flag_only = true,
	 .help = "whsec_…; the same URL with another secret is one endpoint with two"},
};

static const struct settings_table table = {
	.program = "stripe-sim",
	.purpose = "A Stripe without an account or a network, to develop and test against.",
	.rows = rows,
	.count = ARRAY_LEN(rows),
};

#define SAVE_EVERY_S 5

struct saved {
	uint64_t drawn;
	int64_t offset;
};

/* Every object has an id that was drawn, so without a draw or a move there is little news. */
static void keep(struct sim *sim, const char *path, int64_t second, struct saved *last) {
	struct problem why;
	if (!path || second % SAVE_EVERY_S != 0) return;
	if (last->drawn == sim->drawn && last->offset == sim->offset) return;
	if (state_save(sim, path, &why) == OK) *last = (struct saved){sim->drawn, sim->offset};
}

static enum error read_state(struct sim *sim, const char *path, struct problem *why) {
	if (!path || access(path, F_OK) != 0) return OK;
	pthread_mutex_lock(&sim->mutex);
	enum error e = state_load(sim, path, why);
	pthread_mutex_unlock(&sim->mutex);
	return e;
}

/* Until it is told to stop. */
static enum error serve(struct sim *sim, const char *state, struct signals *signals, struct problem *why) {
	struct saved last = {.drawn = 0};
	for (int64_t second = 1; signals_wait(signals, 1000) != SIGNAL_STOP; second++) {
		pthread_mutex_lock(&sim->mutex);
		sim_tick(sim);
		keep(sim, state, second, &last);
		pthread_mutex_unlock(&sim->mutex);
	}
	pthread_mutex_lock(&sim->mutex);
	enum error e = state ? state_save(sim, state, why) : OK;
	pthread_mutex_unlock(&sim->mutex);
	return e;
}

/* Behind a proxy, or in a container, browsers know it by another address than the one it listens on. */
static void show_pages_at(struct sim *sim, const char *url) {
	pthread_mutex_lock(&sim->mutex);
	(void)snprintf(sim->base_url, sizeof sim->base_url, "%s", url);
	pthread_mutex_unlock(&sim->mutex);
}

static enum error run(const struct options *o, const struct webhook_flags *webhooks, struct signals *signals,
		      const struct log *log, struct problem *why) {
	struct sim *sim = NULL;
	struct sim_server *server = NULL;
	struct edge *edge = NULL;
	struct sim_options options = {.api_key = o->api_key,
				      .now = (int64_t)o->now,
				      .seed = o->seed,
				      .frozen = o->frozen,
				      .clock_file = o->clock_file,
				      .api_version = o->api_version};
	enum error e = sim_create(&options, &sim, why);
	if (!e) e = edge_create(sim, &(struct edge_options){o->api_version, o->seed}, &edge, why);
	for (size_t i = 0; !e && i < webhooks->count; i++)
		e = edge_webhook(edge, webhooks->at[i].url, webhooks->at[i].secret, why);
	if (!e) e = read_state(sim, o->state, why);
	if (!e) e = sim_server_create(sim, o->listen, &server, why);
	if (!e && o->public_url) show_pages_at(sim, o->public_url);
	if (!e) log_info(log, log_ev("ready"), kv_str("listen", sim_server_endpoint(server)));
	if (!e) e = serve(sim, o->state, signals, why);
	sim_server_destroy(&server);
	edge_destroy(&edge);
	sim_destroy(&sim);
	return e;
}

int main(int argc, char **argv, char **envp) {
	struct options options = {0};
	struct settings *s = NULL;
	struct problem why = {0};
	struct signals signals;
	int code = 0;
	struct webhook_flags webhooks = {.count = 0};
	enum error e = webhook_flags_take(&argc, argv, &webhooks, &why);
	if (!settings_begin(&table, argc, argv, envp, &options, &s, &code)) return code;
	struct log log = {.fd = 2, .level = LEVEL_INFO, .format = FORMAT_LOGFMT, .service = "stripe-sim"};
	if (!e) e = signals_open(&signals, &why);
	if (!e) {
		e = run(&options, &webhooks, &signals, &log, &why);
		signals_close(&signals);
	}
	if (e) log_error(&log, log_ev("failed"), kv_error(e), kv_why(&why));
	settings_destroy(&s);
	return error_exit_code(e);
}
