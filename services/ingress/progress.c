#include "progress.h"

void progress_init(struct progress *p) {
	*p = (struct progress){0};
	pthread_mutex_init(&p->mutex, NULL);
}
void progress_finish(struct progress *p) { pthread_mutex_destroy(&p->mutex); }

static bool is_named(const struct progress *p, unsigned i, struct view worker) {
	return view_eq(view_of(p->workers[i].name, p->workers[i].len), worker);
}

/* The worker's slot, or a new one; PROGRESS_WORKERS_MAX when none is left. */
static unsigned slot(struct progress *p, struct view worker) {
	unsigned i = 0;
	while (i < p->count && !is_named(p, i, worker)) i++;
	if (i < p->count) return i;
	for (i = 0; i < p->count && p->workers[i].len > 0;) i++;
	if (i == PROGRESS_WORKERS_MAX) return i;
	if (i == p->count) p->count++;
	memcpy(p->workers[i].name, worker.ptr, worker.len);
	p->workers[i].len = worker.len;
	p->workers[i].seq = 0;
	p->workers[i].changed = true;
	p->workers[i].forgotten = false;
	return i;
}

static enum error note(struct progress *p, struct view worker, uint64_t seq, bool forgotten) {
	if (worker.len == 0 || worker.len > STREAM_WORKER_MAX) return ERR_LIMIT;
	pthread_mutex_lock(&p->mutex);
	unsigned i = slot(p, worker);
	if (i < PROGRESS_WORKERS_MAX) {
		bool same = p->workers[i].seq == seq && p->workers[i].forgotten == forgotten;
		p->workers[i].seq = seq;
		p->workers[i].forgotten = forgotten;
		if (!same) p->workers[i].changed = true;
	}
	pthread_mutex_unlock(&p->mutex);
	return i < PROGRESS_WORKERS_MAX ? OK : ERR_LIMIT;
}

enum error progress_report(struct progress *p, struct view worker, uint64_t seq) { return note(p, worker, seq, false); }

enum error progress_forget(struct progress *p, struct view worker) { return note(p, worker, 0, true); }

/* What is due of slot i, copied: the slot may change as soon as the mutex is free. */
struct due {
	char name[STREAM_WORKER_MAX];
	size_t len; /* 0: nothing is due */
	uint64_t seq;
	bool forgotten;
};

static void take(struct progress *p, unsigned i, struct due *d) {
	pthread_mutex_lock(&p->mutex);
	d->len = i < p->count && p->workers[i].changed ? p->workers[i].len : 0;
	memcpy(d->name, p->workers[i].name, d->len);
	d->seq = p->workers[i].seq;
	d->forgotten = p->workers[i].forgotten;
	p->workers[i].changed = false;
	pthread_mutex_unlock(&p->mutex);
}

static void settle(struct progress *p, unsigned i, const struct due *d, bool written) {
	pthread_mutex_lock(&p->mutex);
	if (!written)
		p->workers[i].changed = true;
	else if (d->forgotten && p->workers[i].forgotten)
		p->workers[i].len = 0;
	pthread_mutex_unlock(&p->mutex);
}

enum error progress_flush(struct progress *p, struct journal *j, struct problem *why) {
	enum error failed = OK;
	for (unsigned i = 0; i < PROGRESS_WORKERS_MAX; i++) {
		struct due d;
		take(p, i, &d);
		if (d.len == 0) continue;
		struct view name = view_of(d.name, d.len);
		struct problem *say = failed ? NULL : why;
		enum error e = d.forgotten ? journal_worker_forget(j, name, say)
					   : journal_worker_progress(j, name, d.seq, say);
		settle(p, i, &d, e == OK);
		if (!e) continue;
		if (!failed) failed = e;
		if (e != ERR_LIMIT) break; /* a limit is this worker's alone */
	}
	return failed;
}
