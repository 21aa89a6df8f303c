#include "progress.h"

void progress_init(struct progress *p) {
	*p = (struct progress){0};
	pthread_mutex_init(&p->mutex, NULL);
}
void progress_finish(struct progress *p) { pthread_mutex_destroy(&p->mutex); }

static enum error report(struct progress *p, struct view worker, uint64_t seq) {
	unsigned i = 0;
	while (i < p->count && !view_eq(view_of(p->workers[i].name, p->workers[i].len), worker)) i++;
	if (i == PROGRESS_WORKERS_MAX) return ERR_LIMIT;
	if (i == p->count) {
		memcpy(p->workers[i].name, worker.ptr, worker.len);
		p->workers[i].len = worker.len;
		p->count++;
	} else if (p->workers[i].seq == seq) {
		return OK;
	}
	p->workers[i].seq = seq;
	p->workers[i].changed = true;
	return OK;
}

enum error progress_report(struct progress *p, struct view worker, uint64_t seq) {
	if (worker.len == 0 || worker.len > STREAM_WORKER_MAX) return ERR_LIMIT;
	pthread_mutex_lock(&p->mutex);
	enum error e = report(p, worker, seq);
	pthread_mutex_unlock(&p->mutex);
	return e;
}

enum error progress_flush(struct progress *p, struct journal *j, struct problem *why) {
	enum error failed = OK;
	for (unsigned i = 0; i < PROGRESS_WORKERS_MAX; i++) {
		pthread_mutex_lock(&p->mutex);
		bool due = i < p->count && p->workers[i].changed;
		uint64_t seq = p->workers[i].seq;
		p->workers[i].changed = false;
		pthread_mutex_unlock(&p->mutex);
		if (!due) continue;
		/* a name never changes once it is there */
		struct view name = view_of(p->workers[i].name, p->workers[i].len);
		enum error e = journal_worker_progress(j, name, seq, failed ? NULL : why);
		if (!e) continue;
		pthread_mutex_lock(&p->mutex);
		p->workers[i].changed = true;
		pthread_mutex_unlock(&p->mutex);
		if (!failed) failed = e;
		if (e != ERR_LIMIT) break; /* a limit is this worker's alone */
	}
	return failed;
}
