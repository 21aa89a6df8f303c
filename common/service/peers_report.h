/* Peers that went over a bound (net/peers.h), told to the operator: a line `peer_cut` for each of up to 16 a call, and
 * the metrics `peers` and `peers_cut_total{cause}` for all of them. */
#ifndef SERVICE_PEERS_REPORT_H
#define SERVICE_PEERS_REPORT_H

#include "service/start.h"

/* Once, by service_start. */
void peers_report_open(struct service *s);
/* Each second. One thread. */
void peers_report(struct service *s);

#endif
