/* What every program of laws shares: random input from one printed seed, and text to compare states by.
 *
 * TIERGATE_SEED repeats a run; TIERGATE_ROUNDS sets how many random cases each law gets (the default
 * keeps a program under 20 s). Each law draws from its own stream, so that running one alone
 * gives it the same cases.
 */
#ifndef PROPERTY_LAW_H
#define PROPERTY_LAW_H

#include "base/attr.h"
#include "domain/registers.h"
#include "support/random.h"

bool random_chance(struct random *r, unsigned percent);
void random_shuffle(struct random *r, unsigned *order, unsigned count);

/* The run's seed (support/random.h); printed when it is asked for the first time. */
uint64_t law_seed(void);
/* The stream of one law. */
struct random law_random(const char *law);
/* TIERGATE_ROUNDS, or `fallback`. */
uint64_t law_rounds(uint64_t fallback);

/* Text that grows on the heap; the program ends when there is no memory. */
struct text {
	char *bytes;
	size_t len, size;
};

void text_free(struct text *t);
void text_clear(struct text *t);
void text_add(struct text *t, const char *fmt, ...) PRINTF_LIKE(2, 3);
bool text_eq(const struct text *a, const struct text *b);

/* Every field of a value: two values print alike when they are equal in all that counts. */
void print_subscription(struct text *t, const struct subscription *s);
void print_sub_register(struct text *t, const struct sub_register *r);
void print_customer_register(struct text *t, const struct customer_register *r);
void print_invoice(struct text *t, const struct invoice *i);
void print_invoice_register(struct text *t, const struct invoice_register *r);
void print_schedule_register(struct text *t, const struct schedule_register *r);
void print_payment_register(struct text *t, const struct payment_register *r);
void print_override_register(struct text *t, const struct override_register *r);
void print_schedule(struct text *t, const struct schedule *s);
void print_payment(struct text *t, const struct payment_observation *p);
/* One line, for a person. */
void print_observation(struct text *t, const struct observation *o);
/* What it answers and asks for; a line each, or nothing. */
void print_questions(struct text *t, const struct observation *o);

#endif
