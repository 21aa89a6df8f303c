/* Subscription schedules: phases that apply at their start. */
#ifndef STRIPE_SIM_SCHEDULE_H
#define STRIPE_SIM_SCHEDULE_H

#include "sim.h"

bool schedule_is_open(const struct record *schedule);
/* Reminders of its phases. */
void schedule_remind(struct sim *sim, const struct record *schedule);
void schedule_release(struct sim *sim, struct record *schedule, struct record *sub);
/* The items that it applies from then on; NULL: no phase of it. */
json_t *schedule_items_at(struct sim *sim, const struct record *schedule, int64_t at);
/* The subscription gets the phase's items. */
void schedule_apply(struct sim *sim, const struct record *schedule, struct record *sub, const json_t *phase);

#endif
