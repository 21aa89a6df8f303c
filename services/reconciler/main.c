#include "reconciler.h"

int main(int argc, char **argv, char **envp) {
	static struct reconciler r; /* large, and there is one */
	struct problem why = {0};
	int exit_code;

	if (!settings_begin(&reconciler_settings_table, argc, argv, envp, &r.settings, &r.loaded, &exit_code))
		return exit_code;
	enum error e = service_start(&r.service, "reconciler", &r.settings.service, NULL, NULL);
	if (e == OK) {
		e = reconciler_open(&r, &why);
		if (e == OK) e = reconciler_run(&r, &why);
		exit_code = service_exit(&r.service, e, &why);
	} else {
		exit_code = error_exit_code(e);
	}
	reconciler_close(&r);
	service_stop(&r.service);
	settings_destroy(&r.loaded);
	return exit_code;
}
