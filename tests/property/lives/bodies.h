/* The bodies that Stripe would send for a life, in the shapes that API versions gave them. */
#ifndef PROPERTY_BODIES_H
#define PROPERTY_BODIES_H

#include "lives/life.h"
#include "proto/record.h"

struct body_shape {
	bool basil;    /* since 2025-03-31.basil */
	bool expanded; /* ids as objects where the API can expand them */
	bool terse;    /* nulls left out, as older versions did, and quantity 1 as null */
};

struct body_shape random_body_shape(struct random *r);

/* The record of one event of a life: ret_record's views point into the event and into *t, which is overwritten. */
void body_record(struct text *t, const struct life_event *e, const struct body_shape *shape, uint64_t seq,
		 struct record *ret_record);

#endif
