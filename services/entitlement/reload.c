#include "worker.h"

static void reload_catalog(struct worker *w) {
	struct catalog_file *fresh = NULL;
	struct problem why = {0};
	uint64_t tried = 0, still = 0;

	struct worker *shadow = w->rebuild.shadow;
	(void)worker_fold_close(w); /* a fold holds on to the catalog it began with */
	if (shadow) (void)worker_fold_close(shadow);
	enum error e = catalog_file_load(w->settings.catalog, &fresh, &why);
	if (e != OK) {
		log_error(&w->service.log, log_ev("catalog_kept"), kv_error(e), kv_why(&why));
		return;
	}
	catalog_file_destroy(&w->catalog);
	w->catalog = fresh;
	if (shadow) {
		shadow->catalog = fresh;
		shadow->moments.mixed = true; /* it is surveyed once it is in place */
	}
	e = worker_retry_quarantine(w, 0, 0, &tried, &still, &why);
	if (e != OK) log_error(&w->service.log, log_ev("quarantine_retry_failed"), kv_error(e), kv_why(&why));
	e = worker_note_catalog(w, &why);
	if (e != OK) log_error(&w->service.log, log_ev("catalog_not_noted"), kv_error(e), kv_why(&why));
	log_info(&w->service.log, log_ev("catalog_loaded"), kv_u64("tiers", catalog_file_get(fresh)->tier_count),
		 kv_u64("retried", tried), kv_u64("still", still));
}

void worker_reload(struct worker *w) {
	keys_reload(w->keys);
	reload_catalog(w);
}
