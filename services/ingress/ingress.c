#include "ingress.h"

#include <errno.h>
#include <poll.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include "service/random.h"

/* On the committer's thread or replay's; the first counts. */
static void on_fatal(void *ctx, enum error e, const struct problem *why) {
	struct ingress *in = ctx;
	if (atomic_exchange(&in->fatal_claimed, true)) return;
	in->fatal = why ? *why : (struct problem){0};
	in->fatal.error = e;
	/* the eventfd alone wakes the other thread, but orders no memory in C's model */
	atomic_store(&in->has_fatal, true);
	uint64_t one = 1;
	while (write(in->fatal_fd, &one, sizeof one) < 0 && errno == EINTR) {
	}
}

static void on_replay_failed(void *ctx, enum error e, const struct problem *why) {
	struct ingress *in = ctx;
	log_error(&in->service.log, log_ev("replay_failed"), kv_error(e), kv_why(why));
}

/* ---- opening ----------------------------------------------------------------------- */

static enum error open_keys(struct ingress *in, struct problem *why) {
	const struct ingress_settings *s = in->settings;
	const struct keys_needs needs = {.binds = !endpoints_are_local(&s->journal_pub) ||
						  !endpoints_are_local(&s->journal_replay)};
	return keys_open(&in->keys, &in->service, s->curve_dir, needs, why);
}

static enum error open_journal(struct ingress *in, struct problem *why) {
	const struct ingress_settings *s = in->settings;
	struct journal_options o = {.dir = s->journal_dir, .map_size = s->map_size};
	enum error e = random_u64(&o.origin, why);
	if (!e) e = random_u64(&o.run, why);
	if (!e) e = setting_blame("JOURNAL_DIR", journal_open(&o, &in->journal, why), why);
	if (!e) e = publisher_create(in->service.zmq, in->keys.gate, &s->journal_pub, &in->publisher, why);
	return e;
}

static enum error start_committer(struct ingress *in, struct problem *why) {
	in->upkeep = (struct upkeep){.journal = in->journal,
				     .dir = in->settings->journal_dir,
				     .publisher = in->publisher,
				     .progress = &in->progress,
				     .health = in->service.health,
				     .log = &in->service.log,
				     .meters = &in->meters,
				     .retention = {.retention_ms = in->settings->retention_ms},
				     .fatal = on_fatal,
				     .ctx = in};
	struct committer_options o = {.ctx = &in->upkeep,
				      .append = upkeep_append,
				      .committed = upkeep_committed,
				      .tick = upkeep_tick,
				      .state = upkeep_state,
				      .queue = in->meters.queue,
				      .commit_time = in->meters.commit_time,
				      .commits = in->meters.commits,
				      .stored = in->meters.stored,
				      .duplicates = in->meters.duplicates};
	return committer_start(&o, &in->committer, why);
}

static enum error start_replay(struct ingress *in, struct problem *why) {
	struct replay_options o = {.zmq = in->service.zmq,
				   .gate = in->keys.gate,
				   .at = in->settings->journal_replay,
				   .journal = in->journal,
				   .committer = in->committer,
				   .progress = &in->progress,
				   .requests = in->meters.replay_requests,
				   .dropped = in->meters.replay_dropped,
				   .replayed = in->meters.replayed,
				   .failed = on_replay_failed,
				   .ctx = in};
	return replay_start(&o, &in->replay, why);
}

static enum error start_receiver(struct ingress *in, struct problem *why) {
	in->receiver = (struct receiver){
		.secrets = in->secrets, .committer = in->committer, .meters = &in->meters, .log = &in->service.log};
	return receiver_start(&in->receiver, in->settings->listen, &in->http, why);
}

static void say_ready(struct ingress *in) {
	health_met(in->service.health, "storage");
	service_ready(&in->service);
	log_info(&in->service.log, log_ev("ready"), kv_str("listen", http_server_endpoint(in->http)),
		 kv_str("admin", admin_address(in->service.admin)), kv_str("pub", publisher_endpoints(in->publisher)),
		 kv_str("replay", replay_endpoints(in->replay)), kv_hex("origin", journal_origin(in->journal)),
		 kv_u64("secrets", secrets_count(in->secrets)));
}

enum error ingress_open(struct ingress *in, const struct ingress_settings *settings, struct settings *origin,
			struct problem *why) {
	in->settings = settings;
	in->origin = origin;
	progress_init(&in->progress);
	health_broken(in->service.health, "storage", "not open yet");
	in->fatal_fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
	if (in->fatal_fd < 0) return problem_set(why, ERR_UNAVAILABLE, "eventfd: %s", strerror(errno));
	meters_register(&in->meters, in->service.metrics);
	enum error e = secrets_create(view_str(settings->secrets), in->service.metrics, &in->secrets, why);
	e = setting_blame("WEBHOOK_SECRETS", e, why);
	if (!e) e = open_keys(in, why);
	if (!e) e = open_journal(in, why);
	if (!e) e = start_committer(in, why);
	if (!e) e = start_replay(in, why);
	if (!e) e = start_receiver(in, why);
	if (!e) say_ready(in);
	return e;
}

/* ---- running ------------------------------------------------------------------------ */

static void reload(struct ingress *in) {
	struct problem why = {0};
	const char *text = NULL;
	enum error e = settings_reread(in->origin, "WEBHOOK_SECRETS", &text, &why);
	if (!e) e = setting_blame("WEBHOOK_SECRETS", secrets_replace(in->secrets, view_str(text), &why), &why);
	if (e)
		log_error(&in->service.log, log_ev("reload_refused"), kv_error(e), kv_why(&why));
	else
		log_info(&in->service.log, log_ev("reloaded"), kv_u64("secrets", secrets_count(in->secrets)));
	keys_reload(&in->keys);
}

enum error ingress_run(struct ingress *in, struct problem *why) {
	for (;;) {
		struct pollfd fds[2] = {{.fd = in->service.signals.fd, .events = POLLIN},
					{.fd = in->fatal_fd, .events = POLLIN}};
		if (poll(fds, 2, KEYS_REPORT_MS) < 0 && errno != EINTR)
			return problem_set(why, ERR_INTERNAL, "poll: %s", strerror(errno));
		keys_report(&in->keys);
		peers_report(&in->service);
		if (fds[1].revents && atomic_load(&in->has_fatal)) {
			*why = in->fatal;
			return why->error;
		}
		enum signal_event event = signals_wait(&in->service.signals, 0);
		if (event == SIGNAL_RELOAD) reload(in);
		if (event == SIGNAL_STOP) return OK;
	}
}

/* From the outside in: nobody is handed work by who is gone already. */
void ingress_close(struct ingress *in) {
	if (!in->settings) return;
	if (in->http) {
		health_broken(in->service.health, "start", "stopping");
		log_info(&in->service.log, log_ev("draining"));
		size_t left = http_server_drain(in->http, INGRESS_DRAIN_MS);
		if (left) log_warn(&in->service.log, log_ev("drain_cut_short"), kv_u64("requests", left));
	}
	replay_stop(&in->replay);
	committer_stop(&in->committer);
	http_server_destroy(&in->http);
	publisher_destroy(&in->publisher);
	keys_close(&in->keys);
	journal_close(&in->journal);
	secrets_destroy(&in->secrets);
	progress_finish(&in->progress);
	if (in->fatal_fd >= 0) close(in->fatal_fd);
	in->fatal_fd = -1;
}
