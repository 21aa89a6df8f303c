#include "service/start.h"

#include "service/peers_report.h"

#include <sys/prctl.h>
#include <sys/resource.h>
#include <unistd.h>

/* The soft limit is 1024 nearly everywhere, for the sake of select(), which nothing here uses. libzmq aborts the
 * process when it has no file left to accept a peer with. */
static void raise_file_limit(void) {
	struct rlimit files;
	if (getrlimit(RLIMIT_NOFILE, &files) != 0 || files.rlim_cur >= SERVICE_FILES) return;
	files.rlim_cur = files.rlim_max < SERVICE_FILES ? files.rlim_max : SERVICE_FILES;
	(void)setrlimit(RLIMIT_NOFILE, &files); /* as good as it gets */
}

static int64_t is_ready(void *health) { return health_ready(health); }

static enum error make_parts(struct service *s, const char *name, struct problem *why) {
	raise_file_limit();
	enum error e = signals_open(&s->signals, why);
	if (e) return e;
	s->health = health_create();
	s->metrics = metrics_create(name);
	if (!s->health || !s->metrics) return problem_set(why, ERR_MEMORY, "no memory to start");
	char labels[METRIC_LABELS_MAX] = "";
	metrics_label(labels, "version", VIEW(TIERGATE_VERSION));
	gauge_set(metrics_gauge(s->metrics, "build_info", "which program this is", labels), 1);
	(void)metrics_gauge_read(s->metrics, "ready", "1 when it does its work: what /readyz says", NULL, is_ready,
				 s->health);
	health_broken(s->health, "start", "starting");
	health_fact_text(s->health, "service", name);
	health_fact_text(s->health, "version", TIERGATE_VERSION);
	peers_report_open(s);
	return zcontext_create(&s->zmq, why);
}

enum error service_start(struct service *ret_s, const char *name, const struct service_settings *settings,
			 void (*refresh)(void *ctx), void *ctx) {
	*ret_s = (struct service){.log = {.fd = STDERR_FILENO,
					  .level = (enum log_level)settings->log_level,
					  .format = (enum log_format)settings->log_format,
					  .service = name}};
	struct problem why = {0};
	enum error e = make_parts(ret_s, name, &why);
	if (!e) {
		struct admin_options o = {.listen = settings->admin_listen,
					  .health = ret_s->health,
					  .metrics = ret_s->metrics,
					  .refresh = refresh,
					  .ctx = ctx};
		e = admin_start(&o, &ret_s->admin, &why);
	}
	if (e) log_error(&ret_s->log, log_ev("not_started"), kv_error(e), kv_why(&why));
	return e;
}

void service_hide(void) { (void)prctl(PR_SET_DUMPABLE, 0, 0, 0, 0); /* fails for other values alone */ }

void service_ready(struct service *s) { health_met(s->health, "start"); }

int service_exit(const struct service *s, enum error e, const struct problem *why) {
	if (e) {
		log_error(&s->log, log_ev("failed"), kv_error(e),
			  kv_str("why", why ? problem_text(why) : error_text(e)));
	} else {
		log_info(&s->log, log_ev("stopped"));
	}
	return error_exit_code(e);
}

void service_stop(struct service *s) {
	if (!s) return;
	admin_stop(&s->admin);
	zcontext_destroy(&s->zmq);
	metrics_destroy(&s->metrics);
	health_destroy(&s->health);
	signals_close(&s->signals);
}
