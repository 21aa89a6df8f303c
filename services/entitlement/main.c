#include "worker.h"

int main(int argc, char **argv, char **envp) {
	static struct worker w; /* large, and there is one */
	struct problem why = {0};
	int exit_code;

	if (!settings_begin(&worker_settings_table, argc, argv, envp, &w.settings, &w.loaded, &exit_code))
		return exit_code;
	enum error e = service_start(&w.service, "entitlement", &w.settings.service, NULL, NULL);
	if (e == OK) {
		e = worker_open(&w, &why);
		if (e == OK) e = worker_run(&w, &why);
		exit_code = service_exit(&w.service, e, &why);
	} else {
		exit_code = error_exit_code(e);
	}
	worker_close(&w);
	service_stop(&w.service);
	settings_destroy(&w.loaded);
	return exit_code;
}
