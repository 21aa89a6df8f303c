/* What the bodies of several objects share. Fields end with a comma; every object ends with its "object", so that there
 * is always a last one. */
#ifndef PROPERTY_BODY_PARTS_H
#define PROPERTY_BODY_PARTS_H

#include "lives/bodies.h"

/* Null, or nothing in terse shapes, when empty; an object in expanded ones. */
void body_id(struct text *t, const struct body_shape *shape, const char *name, struct view id, const char *object);
void body_time(struct text *t, const struct body_shape *shape, const char *name, int64_t n);
/* A subscription's items, whose periods are the subscription's. */
void body_items(struct text *t, const struct body_shape *shape, const struct subscription *s);

void body_invoice(struct text *t, const struct body_shape *shape, const struct invoice *i);
void body_schedule(struct text *t, const struct body_shape *shape, const struct schedule *s);
void body_payment(struct text *t, const struct body_shape *shape, const struct payment_observation *p);

#endif
