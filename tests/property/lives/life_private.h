/* What the files of life.h share: a step changes the truth and emits the events that say so. */
#ifndef PROPERTY_LIFE_PRIVATE_H
#define PROPERTY_LIFE_PRIVATE_H

#include "lives/life.h"

#define LIFE_T0 INT64_C(1760000000)
#define LIFE_DAY INT64_C(86400)
#define LIFE_PERIOD (30 * LIFE_DAY)
#define LIFE_PRICES 5
#define LIFE_USERS 2

/* What a step works on. */
struct step {
	struct life *life;
	struct random *random;
	const struct life_shape *shape;
	struct life_sub *sub;
	struct life_customer *customer;
};

struct item life_price(unsigned i); /* the last of LIFE_PRICES is in no catalog of the tests */
struct view life_user(unsigned i);

struct life_event *emit(struct step *s, enum observation_kind kind, enum rank rank, const char *what);
/* The subscription changed from `before` to what it is: "customer.subscription.updated". */
void say_updated(struct step *s, const struct subscription *before, const char *what);
bool is_alive(const struct step *s);
/* The payment of an invoice, made now if it was not before. */
void life_pay(struct step *s, unsigned invoice);

/* Steps: false when the state does not allow it. */
bool tell_payment(struct step *s);
bool tell_charge(struct step *s);
bool refund(struct step *s);
bool settle_refund(struct step *s);
bool dispute(struct step *s);
bool close_dispute(struct step *s);
bool make_schedule(struct step *s);
bool change_schedule(struct step *s);
bool end_schedule(struct step *s);
bool start_phase(struct step *s);
bool grant_override(struct step *s);
bool revoke_override(struct step *s);

#endif
