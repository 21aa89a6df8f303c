/* tiergate watch [SUBJECT]: changes as they happen. */
#include "ask_query.h"
#include "value.h"

#include "base/show.h"

#include <poll.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/signalfd.h>
#include <unistd.h>

#define LOOK_MS 250    /* how often it is seen whether the feed is silent, or the output closed */
#define SILENT_MS 5000 /* then it is said, once */

static const struct setting rows[] = {
	{"MAX", SETTING_U64, AT(max), .flag_only = true, .help = "end after so many changes; not given: never"},
	ROW_ACCOUNT,
	ROW_QUERY,
	ROW_FEED,
	ROW_CURVE_DIR,
	ROW_TIMEOUT,
	ROW_JSON,
};

static const struct settings_table table = {
	.program = "tiergate watch",
	.purpose = "Shows each change of a subject's tier, status or dates as it happens, until it is interrupted.",
	.arguments = "[SUBJECT]",
	.arguments_max = 1,
	.notes = "What happens while the connection is broken is shown when it is back, in order. With --json, a "
		 "change is a\n"
		 "line of its own; so is {\"gap\": true}, when the store was made anew and changes may be missing.",
	.rows = rows,
	.count = ARRAY_LEN(rows),
};

struct watch {
	const struct call *call;
	const char *subject; /* NULL: all */
	_Atomic uint64_t left;
	_Atomic bool done, failed;
};

static json_t *to_json(const struct tg_event *e) {
	json_t *o = json_object();
	json_object_set_new(o, "ver", u64_json(e->ver));
	json_object_set_new(o, "at_ms", json_integer(e->at_ms));
	json_object_set_new(o, "sub", text_json(view_str(e->subject)));
	if (*e->account) json_object_set_new(o, "acct", text_json(view_str(e->account)));
	json_object_set_new(o, "before", text_json(view_str(e->before)));
	json_object_set_new(o, "after", text_json(view_str(e->after)));
	json_object_set_new(o, "reason", text_json(view_str(e->reason)));
	json_object_set_new(o, "status", text_json(view_str(e->status)));
	json_object_set_new(o, "until", time_json(e->until));
	json_object_set_new(o, "event", text_json(view_str(e->cause)));
	json_object_set_new(o, "epoch", hex_json(e->epoch));
	return o;
}

static void print(const struct tg_event *e) {
	const char *before = *e->before ? e->before : "new";
	(void)printf("%s  %llu  %s: ", when_ms(e->at_ms, "").text, (unsigned long long)e->ver,
		     show_str(e->subject).text);
	if (strcmp(e->before, e->after) == 0)
		(void)printf("%s, as before", show_str(e->after).text);
	else
		(void)printf("%s → %s", show_str(before).text, show_str(e->after).text);
	(void)printf(" (%s, subscription %s", show_str(e->reason).text, show_str(e->status).text);
	if (e->until) (void)printf(", until %s", when_s(e->until, "").text);
	(void)printf(")%s%s\n", *e->cause ? "  " : "", *e->cause ? show_str(e->cause).text : "  by time");
}

static void show_gap(const struct watch *w, const struct tg_event *e) {
	if (w->call->s.json)
		(void)printf("{\"gap\": true, \"epoch\": \"%016llx\", \"ver\": %llu}\n", (unsigned long long)e->epoch,
			     (unsigned long long)e->ver);
	else
		(void)printf("-- the store was made anew: changes may be missing here\n");
}

static void show_change(struct watch *w, const struct tg_event *e) {
	if (!w->call->s.json) {
		print(e);
		return;
	}
	json_t *o = to_json(e);
	char *text = o ? json_dumps(o, JSON_COMPACT) : NULL;
	if (text)
		(void)printf("%s\n", text);
	else
		w->failed = true;
	free(text);
	json_decref(o);
}

static bool is_meant(const struct watch *w, const struct tg_event *e) {
	const char *account = w->call->s.account ? w->call->s.account : "";
	return e->subject && strcmp(e->account, account) == 0 && (!w->subject || strcmp(e->subject, w->subject) == 0);
}

/* By the client's thread; a reader that does not keep up makes it wait, and the feed then resumes where it was. */
static void on_event(void *ctx, const struct tg_event *e, bool gap) {
	struct watch *w = ctx;
	if (w->done || (!gap && !is_meant(w, e))) return;
	if (gap) show_gap(w, e);
	if (is_meant(w, e)) {
		show_change(w, e);
		if (w->left && --w->left == 0) w->done = true;
	}
	if (fflush(stdout) != 0) w->failed = true;
}

static int open_signals(void) {
	sigset_t set;
	(void)sigemptyset(&set);
	(void)sigaddset(&set, SIGINT);
	(void)sigaddset(&set, SIGTERM);
	(void)sigprocmask(SIG_BLOCK, &set, NULL);
	return signalfd(-1, &set, SFD_CLOEXEC | SFD_NONBLOCK);
}

static void look_after(struct tg_client *client, bool *silent) {
	struct tg_counts n;
	tg_counts(client, &n);
	bool now = n.feed_age_ms > SILENT_MS;
	if (now && !*silent)
		(void)fprintf(stderr, "tiergate: nothing is heard of the feed; waiting until it is back\n");
	if (!now && *silent) (void)fprintf(stderr, "tiergate: the feed is back\n");
	*silent = now;
}

static enum error follow(const struct call *c, struct watch *w, struct tg_client *client, int signals,
			 struct problem *why) {
	bool silent = false;
	tg_watch(client, on_event, w);
	if (!tg_client_wait(client, (int)c->s.timeout_ms)) return query_silence(c, TG_NO_SERVER, "", why);
	(void)fprintf(stderr, "tiergate: watching\n");
	while (!w->done && !w->failed) {
		struct pollfd fd = {.fd = signals, .events = POLLIN};
		if (poll(&fd, 1, LOOK_MS) > 0) break;
		look_after(client, &silent);
	}
	return w->failed ? problem_set(why, ERR_IO, "standard output cannot be written") : OK;
}

static int run(const struct call *c) {
	struct problem why = {0};
	AUTO(tg_client_close)
	struct tg_client *client = NULL;
	struct watch w = {.call = c, .subject = call_argument(c), .left = c->s.max};
	int signals = open_signals();
	enum error e = signals < 0 ? problem_set(&why, ERR_UNAVAILABLE, "no file descriptor is left") : OK;
	if (!e) e = query_open(c, true, &client, &why);
	if (!e) e = follow(c, &w, client, signals, &why);
	if (client) tg_watch(client, NULL, NULL);
	if (signals >= 0) (void)close(signals);
	return e ? call_failed(c, e, &why) : 0;
}

const struct verb verb_watch = {"watch", "a subject's changes, or everybody's, as they happen", &table, run};
