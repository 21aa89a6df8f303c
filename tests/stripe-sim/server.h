/* The simulator behind the project's HTTP server: keys, headers, parameters in; JSON, HTML and redirects out. */
#ifndef STRIPE_SIM_SERVER_H
#define STRIPE_SIM_SERVER_H

#include "sim.h"

struct sim_server;

/* Serves as soon as it returns; sim outlives it. */
NODISCARD enum error sim_server_create(struct sim *sim, const char *listen, struct sim_server **ret_s,
				       struct problem *why);
const char *sim_server_endpoint(const struct sim_server *s);
void sim_server_destroy(struct sim_server **s);

#endif
