/* All that the simulator knows, as one JSON file: objects with what is hidden of them, deliveries that are on their way
 * (they stand in their events), clocks and what is due. Not in it: idempotency keys and the misbehaviour. */
#ifndef STRIPE_SIM_STATE_H
#define STRIPE_SIM_STATE_H

#include "sim.h"

/* Under sim->mutex. By way of a second file, so that the first is whole at any moment. ERR_IO. */
NODISCARD enum error state_save(const struct sim *sim, const char *path, struct problem *why);

/* Under sim->mutex. Forgets everything first. A clock that runs keeps its distance from the wall clock, so what became
 * due meanwhile happens now. ERR_NOT_FOUND: there is no such file; ERR_MALFORMED, and then the state is empty. */
NODISCARD enum error state_load(struct sim *sim, const char *path, struct problem *why);

#endif
