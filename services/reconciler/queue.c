#include "queue.h"

#include <stdlib.h>

#define BUCKETS 8192 /* a power of two */

struct queue {
	unsigned count, in_flight;
	int free;
	int buckets[BUCKETS];
	struct task tasks[QUEUE_MAX];
};

struct queue *queue_create(void) {
	struct queue *q = calloc(1, sizeof *q);
	if (!q) return NULL;
	for (int i = 0; i < BUCKETS; i++) q->buckets[i] = -1;
	for (int i = 0; i < QUEUE_MAX; i++) q->tasks[i].next = i + 1 < QUEUE_MAX ? i + 1 : -1;
	return q;
}

void queue_destroy(struct queue **q) {
	if (!q) return;
	free(*q);
	*q = NULL;
}

static unsigned bucket(const struct scope *scope, const struct fetch *f) {
	uint64_t h = view_hash(HASH_SEED, f->id);
	h = view_hash(h, scope->account);
	h = hash_u64(h, (uint64_t)f->kind * 2 + scope->livemode);
	return (unsigned)(h & (BUCKETS - 1));
}

struct task *queue_find(struct queue *q, const struct scope *scope, const struct fetch *f) {
	for (int i = q->buckets[bucket(scope, f)]; i >= 0; i = q->tasks[i].next) {
		struct task *t = &q->tasks[i];
		if (t->fetch.kind == f->kind && t->scope.livemode == scope->livemode && view_eq(t->fetch.id, f->id) &&
		    view_eq(t->scope.account, scope->account))
			return t;
	}
	return NULL;
}

static struct task *add(struct queue *q, const struct question *x) {
	if (q->free < 0 || x->fetch.id.len > STRIPE_ID_MAX || x->scope.account.len > ACCOUNT_MAX || !x->fetch.id.len)
		return NULL;
	struct task *t = &q->tasks[q->free];
	int index = q->free;
	q->free = t->next;
	*t = (struct task){.used = true,
			   .urgency = x->urgency,
			   .since_ms = x->since_ms,
			   .not_before_ms = x->not_before_ms,
			   .after = x->after};
	memcpy(t->id, x->fetch.id.ptr, x->fetch.id.len);
	if (x->scope.account.len) memcpy(t->account, x->scope.account.ptr, x->scope.account.len);
	t->fetch = (struct fetch){x->fetch.kind, view_of(t->id, x->fetch.id.len)};
	t->scope = (struct scope){x->scope.livemode, view_of(t->account, x->scope.account.len)};
	int *head = &q->buckets[bucket(&t->scope, &t->fetch)];
	t->next = *head;
	*head = index;
	q->count++;
	return t;
}

static void drop(struct queue *q, struct task *t) {
	int index = (int)(t - q->tasks);
	int *at = &q->buckets[bucket(&t->scope, &t->fetch)];
	while (*at != index) at = &q->tasks[*at].next;
	*at = t->next;
	*t = (struct task){.next = q->free};
	q->free = index;
	q->count--;
}

/* More of the same: the most urgent, the oldest and the strictest of all who asked. */
static void merge(struct task *t, const struct question *x) {
	bool new_want = x->urgency == URGENT_WANT && x->after > t->after;
	if (x->urgency < t->urgency) t->urgency = x->urgency;
	if (x->since_ms < t->since_ms) t->since_ms = x->since_ms;
	if (x->urgency == URGENT_WANT && !new_want) return;
	if (x->after > t->after) t->after = x->after;
	t->answers = 0;
	if (t->in_flight) {
		t->again = true;
		t->next_askers |= x->asker;
		return;
	}
	t->askers |= x->asker;
	/* it waited for the store, or after a failure: a person does not wait for that */
	if (t->settling || x->urgency < URGENT_WANT) t->not_before_ms = x->not_before_ms;
	t->settling = false;
}

struct task *queue_ask(struct queue *q, const struct question *x) {
	struct task *t = queue_find(q, &x->scope, &x->fetch);
	if (t) {
		merge(t, x);
	} else {
		t = add(q, x);
		if (!t) return NULL;
		t->askers = x->asker;
	}
	if (x->urgency == URGENT_WANT) {
		t->wanted = true;
		t->turn = x->turn;
	}
	return t;
}

static bool sooner(const struct task *a, const struct task *b) {
	if (a->urgency != b->urgency) return a->urgency < b->urgency;
	return a->since_ms < b->since_ms;
}

struct task *queue_next(struct queue *q, int64_t now_ms) {
	struct task *best = NULL;
	if (q->count == q->in_flight) return NULL;
	for (int i = 0; i < QUEUE_MAX; i++) {
		struct task *t = &q->tasks[i];
		if (t->used && !t->in_flight && t->not_before_ms <= now_ms && (!best || sooner(t, best))) best = t;
	}
	return best;
}

void queue_start(struct queue *q, struct task *t) {
	t->in_flight = true;
	t->settling = false;
	q->in_flight++;
}

uint64_t queue_finish(struct queue *q, struct task *t, enum task_end end, int64_t until_ms) {
	uint64_t served = end == TASK_FAILED ? 0 : t->askers;
	t->in_flight = false;
	q->in_flight--;
	if (end == TASK_FAILED) {
		t->tries++;
		t->not_before_ms = until_ms;
		t->askers |= t->next_askers;
		t->next_askers = 0;
		t->again = false; /* the next try is asked after all of them */
		return 0;
	}
	t->tries = 0;
	t->askers = t->next_askers;
	t->next_askers = 0;
	if (t->again) {
		t->again = false;
		t->not_before_ms = 0;
	} else if (end == TASK_ANSWERED && t->wanted) {
		t->settling = true;
		t->answers++;
		t->urgency = URGENT_WANT;
		t->not_before_ms = until_ms;
	} else {
		drop(q, t);
	}
	return served;
}

void queue_forget(struct queue *q, uint64_t askers) {
	for (int i = 0; i < QUEUE_MAX; i++) {
		struct task *t = &q->tasks[i];
		if (!t->used || !((t->askers | t->next_askers) & askers)) continue;
		t->askers &= ~askers;
		t->next_askers &= ~askers;
		if (t->in_flight) continue; /* its answer is of use all the same */
		if (t->wanted)
			t->urgency = URGENT_WANT;
		else if (!t->askers)
			drop(q, t);
	}
}

void queue_settle(struct queue *q, uint64_t turn) {
	for (int i = 0; i < QUEUE_MAX; i++) {
		struct task *t = &q->tasks[i];
		if (!t->used || !t->wanted || t->turn == turn) continue;
		t->wanted = false;
		if (!t->in_flight && (t->settling || t->urgency == URGENT_WANT)) drop(q, t);
	}
}

unsigned queue_count(const struct queue *q) { return q->count; }

int64_t queue_wait_ms(const struct queue *q, int64_t now_ms, int64_t most) {
	if (q->count == q->in_flight) return most;
	for (int i = 0; i < QUEUE_MAX; i++) {
		const struct task *t = &q->tasks[i];
		if (!t->used || t->in_flight) continue;
		if (t->not_before_ms <= now_ms) return 0;
		if (t->not_before_ms - now_ms < most) most = t->not_before_ms - now_ms;
	}
	return most;
}
