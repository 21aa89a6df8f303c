#include "secrets.h"

#include <pthread.h>
#include <stdlib.h>

/* A label that was ever in use. Records in flight point to it, so it is never freed before the end. */
struct seen_label {
	char text[SECRET_LABEL_MAX];
	size_t len;
	struct counter *matches;
};

struct secrets {
	pthread_rwlock_t lock;
	struct webhook_secrets *current;
	unsigned slot[WEBHOOK_SECRETS_MAX]; /* of each current secret in labels */
	struct metrics *metrics;
	unsigned label_count;
	struct seen_label labels[SECRET_LABELS_MAX];
};

static struct view label_view(const struct seen_label *l) { return view_of(l->text, l->len); }

/* Its slot, or SECRET_LABELS_MAX when there is no room. */
static unsigned slot_of(struct secrets *s, struct view label) {
	for (unsigned i = 0; i < s->label_count; i++)
		if (view_eq(label_view(&s->labels[i]), label)) return i;
	if (s->label_count == SECRET_LABELS_MAX || label.len > SECRET_LABEL_MAX) return SECRET_LABELS_MAX;
	struct seen_label *l = &s->labels[s->label_count];
	memcpy(l->text, label.ptr, label.len);
	l->len = label.len;
	char labels[METRIC_LABELS_MAX] = "";
	if (s->metrics && metrics_label(labels, "secret", label))
		l->matches = metrics_counter(s->metrics, "secret_matches_total",
					     "deliveries whose signature this secret made", labels);
	return s->label_count++;
}

enum error secrets_replace(struct secrets *s, struct view text, struct problem *why) {
	struct webhook_secrets *next = NULL;
	unsigned slot[WEBHOOK_SECRETS_MAX];
	enum error e = webhook_secrets_parse(text, &next, why);
	if (e) return e;
	unsigned n = webhook_secrets_count(next);
	for (unsigned i = 0; !e && i < n; i++) {
		slot[i] = slot_of(s, webhook_secrets_at(next, i)->label);
		if (slot[i] == SECRET_LABELS_MAX)
			e = problem_set(why, ERR_LIMIT, "more than %d labels since the start", SECRET_LABELS_MAX);
	}
	if (!e) {
		pthread_rwlock_wrlock(&s->lock);
		struct webhook_secrets *last = s->current;
		s->current = next;
		memcpy(s->slot, slot, n * sizeof slot[0]);
		pthread_rwlock_unlock(&s->lock);
		next = last;
	}
	webhook_secrets_destroy(&next);
	return e;
}

enum error secrets_create(struct view text, struct metrics *metrics, struct secrets **ret_s, struct problem *why) {
	struct secrets *s = calloc(1, sizeof *s);
	if (!s) return ERR_MEMORY;
	pthread_rwlock_init(&s->lock, NULL);
	s->metrics = metrics;
	enum error e = secrets_replace(s, text, why);
	if (e)
		secrets_destroy(&s);
	else
		*ret_s = s;
	return e;
}

void secrets_destroy(struct secrets **ps) {
	struct secrets *s = ps ? *ps : NULL;
	if (!s) return;
	*ps = NULL;
	webhook_secrets_destroy(&s->current);
	pthread_rwlock_destroy(&s->lock);
	free(s);
}

const struct webhook_secrets *secrets_acquire(struct secrets *s) {
	pthread_rwlock_rdlock(&s->lock);
	return s->current;
}
void secrets_release(struct secrets *s) { pthread_rwlock_unlock(&s->lock); }

unsigned secrets_count(struct secrets *s) {
	unsigned n = webhook_secrets_count(secrets_acquire(s));
	secrets_release(s);
	return n;
}

struct view secrets_matched(struct secrets *s, unsigned i) {
	struct seen_label *l = &s->labels[s->slot[i]];
	counter_add(l->matches, 1);
	return label_view(l);
}
