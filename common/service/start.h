/* What every service has: three settings, a log, signals, health, metrics and the admin port.
 *
 *     struct ingress_settings { struct service_settings service; const char *listen; … };
 *     static const struct setting rows[] = {
 *             SERVICE_SETTINGS(struct ingress_settings, service, "127.0.0.1:8801"),
 *             …};
 *
 *     int main(int argc, char **argv, char **envp) — settings_begin · service_start · open · service_ready · run ·
 *     drain · service_stop
 */
#ifndef SERVICE_START_H
#define SERVICE_START_H

#include "net/peers.h"
#include "service/admin.h"
#include "service/health.h"
#include "service/log.h"
#include "service/metrics.h"
#include "service/settings.h"
#include "service/signals.h"
#include <stddef.h>

struct service_settings {
	const char *admin_listen;
	unsigned log_level;
	unsigned log_format;
};

#define SERVICE_SETTINGS(type, member, admin)                                                                          \
	{"ADMIN_LISTEN", SETTING_LISTEN, offsetof(type, member.admin_listen), .fallback = (admin),                     \
	 .help = "where /livez, /readyz and /metrics are answered"},                                                   \
		{"LOG_LEVEL",                                                                                          \
		 SETTING_CHOICE,                                                                                       \
		 offsetof(type, member.log_level),                                                                     \
		 .fallback = "info",                                                                                   \
		 .choices = LOG_LEVEL_CHOICES,                                                                         \
		 .help = "the least important lines to write"},                                                        \
	{                                                                                                              \
		"LOG_FORMAT", SETTING_CHOICE, offsetof(type, member.log_format),                                       \
			.fallback = "logfmt", .choices = LOG_FORMAT_CHOICES, .help = "how a line is written"           \
	}

#define SERVICE_FILES 8192 /* open files; the soft limit is raised so far where the hard one allows it */

struct service {
	struct log log;
	struct signals signals;
	struct health *health;
	struct metrics *metrics;
	struct admin *admin;
	void *zmq;                                    /* the process's ZeroMQ context */
	struct counter *peers_cut[PEERS_CAUSE_COUNT]; /* service/peers_report.h */
	struct gauge *peers;
};

/* Signals, health, metrics, the ZeroMQ context, then the admin port, which says "starting". Call before any thread is
 * made. name: "ingress". refresh: see service/admin.h; it may be NULL, and may run at once. On failure *ret_s holds
 * what was made, for service_stop; the problem is already logged. */
NODISCARD enum error service_start(struct service *ret_s, const char *name, const struct service_settings *settings,
				   void (*refresh)(void *ctx), void *ctx);

/* The service can work: the admin port's condition "start" is met. Log the ready line next:
 * log_info(&s->log, log_ev("ready"), kv_str("listen", …), kv_str("admin", admin_address(s->admin))). */
void service_ready(struct service *s);

/* From now on no other process of the same user can read this one's environment, memory or files by way of /proc, and a
 * crash leaves no core: for who holds an API key. Services are often one user, in compose even within one PID
 * namespace. */
void service_hide(void);

/* Logs why the service ends and gives its exit code. OK: "stopped", 0. */
int service_exit(const struct service *s, enum error e, const struct problem *why);

/* The reverse of service_start; all sockets must be closed. A zeroed or half-made one is fine. */
void service_stop(struct service *s);

#endif
