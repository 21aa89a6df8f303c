/* What other threads hand to the loop: a list and an eventfd. A note is embedded in what it is about, and is in one
 * inbox at a time. Unbounded by itself: each note belongs to something that is bounded. */
#ifndef BILLING_INBOX_H
#define BILLING_INBOX_H

#include "base/error.h"
#include <stdbool.h>

struct note {
	struct note *next;
	void (*run)(struct note *n); /* on the loop */
};

struct inbox;

NODISCARD enum error inbox_create(struct inbox **ret_i, struct problem *why);
void inbox_destroy(struct inbox **i);
/* Any thread. */
void inbox_post(struct inbox *i, struct note *n);
/* Any thread: the loop turns, with nothing to run. */
void inbox_wake(struct inbox *i);
int inbox_fd(const struct inbox *i);
/* The loop: runs what has come, in order. */
void inbox_run(struct inbox *i);

#endif
