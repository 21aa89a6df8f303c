/* Customers, whom they pay for, and their subscriptions. */
#include "store/entitlements_internal.h"

/* What an observation says about a customer; nothing at all still makes it known. */
struct customer_news {
	struct view subject; /* empty: no claim */
	bool is_new;
	bool gone;     /* a claim was taken out of the metadata, and none is there now */
	bool standing; /* this is what the customer's own metadata says */
	bool deleted;
	int64_t claimed; /* when, where it is not the observation's second; else 0 */
};

/* The pair (subject, customer) is there for the customer's one subject and no other. */
static void rebind(struct fold *f, const struct scope *scope, struct view customer, struct view before,
		   struct view after) {
	struct key pair;
	if (before.len) {
		key_of_pair(&pair, scope, before, customer);
		(void)lmdb_del(&f->t, TABLE_SUBJECT_CUSTOMERS, key_view(&pair));
		fold_touch(f, before);
	} else if (lmdb_count(&f->t, TABLE_OVERRIDES)) {
		/* it may have a row of its own, from an override in its name */
		fold_touch(f, customer);
	}
	key_of_pair(&pair, scope, after, customer);
	lmdb_add(&f->t, TABLE_SUBJECT_CUSTOMERS, key_view(&pair), VIEW_NONE);
}

static void join_news(struct customer_register *r, struct view customer, const struct customer_news *news,
		      const struct stamp *stamp) {
	struct stamp claimed = *stamp;
	if (news->claimed) claimed.created = news->claimed;
	bool valid = claim_valid(news->subject, customer);
	struct view subject = valid ? news->subject : VIEW_NONE;
	bool is_new = valid ? news->is_new : news->gone;
	if (valid || news->standing) customer_register_claim(r, subject, is_new, news->standing, &claimed);
	if (news->deleted) customer_register_delete(r, stamp);
}

/* Has nobody claimed it, and was it never seen itself? Then its metadata may hold a claim that is not known. */
static bool is_open(const struct customer_register *r) { return !r->claim_count && !r->has_standing && !r->deleted; }

/* True when the customer is open, as above. */
static bool observe_customer(struct fold *f, const struct observation *o, struct view customer,
			     const struct customer_news *news) {
	struct customer_register r = {0};
	struct view old = VIEW_NONE;
	struct id_copy before = {0}, after;
	struct key key;

	bool known = fold_get_customer(f, &o->scope, customer, &old, &r);
	if (known) id_set(&before, customer_register_subject(&r, customer));
	unsigned claims = r.claim_count;
	join_news(&r, customer, news, &o->stamp);

	struct writer w = writer_of(f->buffer, STATE_VALUE_MAX);
	customer_register_write(&w, &r);
	bool changed = !known || !view_eq(writer_view(&w), old), open = is_open(&r);
	if (changed) {
		id_set(&after, customer_register_subject(&r, customer));
		bool conflict = claims > 0 && r.claim_count > claims;
		key_of(&key, &o->scope, customer);
		fold_store(f, TABLE_CUSTOMERS, &key, writer_view(&w), known); /* and r's views are gone */
		if (!view_eq(id_view(&before), id_view(&after)))
			rebind(f, &o->scope, customer, id_view(&before), id_view(&after));
		fold_touch(f, id_view(&after));
		if (conflict) fold_tally(f, VIEW("claim_conflict"));
	}
	if (!open || o->kind == OBSERVE_CUSTOMER) fold_settle(f, &o->scope, FETCH_CUSTOMER, customer, o->stamp.created);
	return open;
}

void fold_customer(struct fold *f, const struct observation *o) {
	const struct customer_observation *c = &o->of.customer;
	/* a deleted customer is shown by its id alone, which says nothing about who was bound */
	const struct customer_news news = {.subject = c->subject,
					   .is_new = c->new_claim,
					   .gone = c->claim_gone,
					   .standing = !c->deleted,
					   .deleted = c->deleted};
	(void)observe_customer(f, o, c->id, &news);
}

void fold_checkout(struct fold *f, const struct observation *o) {
	const struct checkout_observation *c = &o->of.checkout;
	const struct customer_news news = {.subject = c->subject, .is_new = true, .claimed = c->claimed};
	if (c->id.len) fold_settle(f, &o->scope, FETCH_CHECKOUT, c->id, o->stamp.created);
	if (c->customer.len && claim_valid(c->subject, c->customer)) (void)observe_customer(f, o, c->customer, &news);
}

/* ---- subscriptions ---------------------------------------------------------------- */

struct joined {
	bool changed;
	bool unconfirmed, doubted; /* now, and before */
	bool ended;
	int64_t second;
	/* the customers that its value names; before is empty when there was none */
	struct id_copy before, after;
	struct id_copy schedule;
};

/* f->stored and f->seen, as far as it is needed after the next write. */
static void note_value(const struct sub_register *r, struct joined *j) {
	struct sub_value value = sub_register_value(r);
	id_set(&j->after, value.seen->sub.customer);
	id_set(&j->schedule, value.seen->sub.schedule);
	j->unconfirmed = value.unconfirmed;
	j->ended = sub_status_final(value.seen->sub.status) || r->has_ended;
	j->second = value.seen->stamp.created;
}

static void join_subscription(struct fold *f, const struct observation *o, struct joined *j) {
	const struct subscription_observation *s = &o->of.subscription;
	struct sub_register *joined = &f->seen;
	struct view old;
	struct key key;

	key_of(&key, &o->scope, s->now.id);
	sub_register_observe(&f->seen, &o->stamp, s);
	bool known = lmdb_get(&f->t, TABLE_SUBS, key_view(&key), &old);
	if (known) {
		if (sub_register_read(old, s->now.id, &f->stored)) {
			fold_damaged(f);
			return;
		}
		struct sub_value value = sub_register_value(&f->stored);
		id_set(&j->before, value.seen->sub.customer);
		j->doubted = value.unconfirmed;
		sub_register_join(&f->stored, &f->seen);
		joined = &f->stored;
	}
	struct writer w = writer_of(f->buffer, STATE_VALUE_MAX);
	sub_register_write(&w, joined);
	if (known && view_eq(writer_view(&w), old)) return;
	note_value(joined, j);
	j->changed = true;
	fold_store(f, TABLE_SUBS, &key, writer_view(&w), known);
}

static bool is_known(struct fold *f, enum store_table table, const struct scope *scope, struct view id) {
	struct key key;
	struct view bytes;
	key_of(&key, scope, id);
	return lmdb_get(&f->t, table, key_view(&key), &bytes);
}

/* What the subscription leaves open. A tie asks for a second later than its own, so an answer that ties again asks
 * with a later one; and each new tie takes a further observation of that very second, so they end when the object
 * comes to rest. */
static void ask_for_subscription(struct fold *f, const struct observation *o, const struct joined *j,
				 bool customer_open) {
	struct view id = o->of.subscription.now.id;
	fold_settle(f, &o->scope, FETCH_SUBSCRIPTION, id, o->stamp.created);
	if (!j->changed) return;
	if (j->unconfirmed) {
		fold_ask(f, &o->scope, FETCH_SUBSCRIPTION, id, WANT_TIE, j->second, o->stamp.event);
		if (!j->doubted) fold_tally(f, VIEW("unconfirmed"));
	}
	if (j->ended) return;
	if (customer_open) fold_ask_link(f, o, FETCH_CUSTOMER, o->of.subscription.now.customer);
	if (j->schedule.len && !is_known(f, TABLE_SCHEDULES, &o->scope, id_view(&j->schedule)))
		fold_ask_link(f, o, FETCH_SCHEDULE, id_view(&j->schedule));
}

void fold_subscription(struct fold *f, const struct observation *o) {
	const struct subscription *s = &o->of.subscription.now;
	const struct customer_news news = {.subject = s->subject, .is_new = o->of.subscription.new_claim};
	struct joined j = {0};
	struct key pair;

	join_subscription(f, o, &j);
	key_of_pair(&pair, &o->scope, s->customer, s->id);
	(void)lmdb_insert(&f->t, TABLE_CUSTOMER_SUBS, key_view(&pair), VIEW_NONE);
	bool customer_open = observe_customer(f, o, s->customer, &news);
	ask_for_subscription(f, o, &j, customer_open);
	if (!j.changed) return;
	fold_touch_customer(f, &o->scope, id_view(&j.after));
	if (!view_eq(id_view(&j.before), id_view(&j.after))) fold_touch_customer(f, &o->scope, id_view(&j.before));
}
