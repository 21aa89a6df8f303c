#include "base/attr.h"
#include "domain/registers.h"

static int i64_cmp(int64_t a, int64_t b) { return (a > b) - (a < b); }

static int stamp_cmp(const struct stamp *a, const struct stamp *b) {
	int c = i64_cmp(a->created, b->created);
	if (!c) c = view_cmp(a->event, b->event);
	if (!c) c = i64_cmp(a->rank, b->rank);
	return c;
}

static int views_cmp(const struct view (*pairs)[2], size_t count) {
	int c = 0;
	for (size_t i = 0; !c && i < count; i++) c = view_cmp(pairs[i][0], pairs[i][1]);
	return c;
}

/* A total order over everything that is kept, so that the greatest is one; as that of invoices. */
static int given_cmp(const struct override_register *a, const struct override_register *b) {
	const struct override_observation *x = &a->given, *y = &b->given;
	const struct view names[][2] = {{x->subject, y->subject}, {x->tier, y->tier}, {x->why, y->why}, {x->by, y->by}};
	int c = stamp_cmp(&a->stamp, &b->stamp);
	if (!c) c = i64_cmp(x->from, y->from);
	if (!c) c = i64_cmp(x->until, y->until);
	if (!c) c = views_cmp(names, ARRAY_LEN(names));
	return c;
}

static int revoked_cmp(const struct override_register *a, const struct override_register *b) {
	const struct view names[][2] = {
		{a->subject, b->subject}, {a->revoked_why, b->revoked_why}, {a->revoked_by, b->revoked_by}};
	int c = stamp_cmp(&a->revoked_stamp, &b->revoked_stamp);
	return c ? c : views_cmp(names, ARRAY_LEN(names));
}

void override_register_observe(struct override_register *r, const struct stamp *stamp,
			       const struct override_observation *o) {
	*r = (struct override_register){0};
	if (o->revoked) {
		r->revoked = true;
		r->subject = o->subject;
		r->revoked_stamp = *stamp;
		r->revoked_why = o->why;
		r->revoked_by = o->by;
	} else {
		r->granted = true;
		r->stamp = *stamp;
		r->given = *o;
	}
}

void override_register_join(struct override_register *into, const struct override_register *other) {
	if (other->granted && (!into->granted || given_cmp(other, into) > 0)) {
		into->granted = true;
		into->stamp = other->stamp;
		into->given = other->given;
	}
	if (other->revoked && (!into->revoked || revoked_cmp(other, into) < 0)) {
		into->revoked = true;
		into->subject = other->subject;
		into->revoked_stamp = other->revoked_stamp;
		into->revoked_why = other->revoked_why;
		into->revoked_by = other->revoked_by;
	}
}
