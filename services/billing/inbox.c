#include "inbox.h"

#include <errno.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <unistd.h>

struct inbox {
	int fd;
	pthread_mutex_t mutex;
	struct note *first, **end;
};

enum error inbox_create(struct inbox **ret_i, struct problem *why) {
	struct inbox *i = calloc(1, sizeof *i);
	if (!i) return problem_set(why, ERR_MEMORY, "out of memory");
	i->fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
	if (i->fd < 0) {
		enum error e = problem_set(why, ERR_UNAVAILABLE, "eventfd: %s", strerror(errno));
		free(i);
		return e;
	}
	pthread_mutex_init(&i->mutex, NULL);
	i->end = &i->first;
	*ret_i = i;
	return OK;
}

void inbox_destroy(struct inbox **pointer) {
	struct inbox *i = pointer ? *pointer : NULL;
	if (!i) return;
	close(i->fd);
	pthread_mutex_destroy(&i->mutex);
	free(i);
	*pointer = NULL;
}

void inbox_post(struct inbox *i, struct note *n) {
	n->next = NULL;
	pthread_mutex_lock(&i->mutex);
	bool was_empty = !i->first;
	*i->end = n;
	i->end = &n->next;
	pthread_mutex_unlock(&i->mutex);
	if (was_empty) inbox_wake(i);
}

/* A counter that is full is readable as well. */
void inbox_wake(struct inbox *i) { (void)!write(i->fd, &(uint64_t){1}, sizeof(uint64_t)); }

int inbox_fd(const struct inbox *i) { return i->fd; }

void inbox_run(struct inbox *i) {
	uint64_t count;
	(void)!read(i->fd, &count, sizeof count); /* before the list is taken: a note that comes later wakes us again */
	pthread_mutex_lock(&i->mutex);
	struct note *n = i->first;
	i->first = NULL;
	i->end = &i->first;
	pthread_mutex_unlock(&i->mutex);
	while (n) {
		struct note *next = n->next;
		n->run(n);
		n = next;
	}
}
