#include "service/peers_report.h"

#define LINES_MAX 16

void peers_report_open(struct service *s) {
	for (int i = 0; i < PEERS_CAUSE_COUNT; i++) {
		char labels[METRIC_LABELS_MAX] = "";
		(void)metrics_label(labels, "cause", view_str(peers_cause_word((enum peers_cause)i)));
		s->peers_cut[i] =
			metrics_counter(s->metrics, "peers_cut_total", "connections that went over a bound", labels);
	}
	s->peers = metrics_gauge(s->metrics, "peers", "connections to the sockets that were bound", NULL);
}

void peers_report(struct service *s) {
	struct peers_cut cut;
	peers_sweep();
	for (unsigned i = 0; i < LINES_MAX && peers_next_cut(&cut); i++)
		log_warn(&s->log, log_ev("peer_cut"), kv_str("cause", peers_cause_word(cut.cause)),
			 kv_str("peer", cut.address));
	for (int i = 0; i < PEERS_CAUSE_COUNT; i++) {
		uint64_t n = peers_count_cut((enum peers_cause)i);
		counter_add(s->peers_cut[i], n - counter_get(s->peers_cut[i]));
	}
	gauge_set(s->peers, (int64_t)peers_connected());
}
