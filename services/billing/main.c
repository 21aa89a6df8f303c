#include "billing.h"

int main(int argc, char **argv, char **envp) {
	static struct billing b; /* large, and there is one */
	struct problem why = {0};
	int exit_code;

	if (!settings_begin(&billing_settings_table, argc, argv, envp, &b.settings, &b.loaded, &exit_code))
		return exit_code;
	enum error e = service_start(&b.service, "billing", &b.settings.service, NULL, NULL);
	if (e == OK) {
		e = billing_open(&b, &why);
		if (e == OK) e = billing_run(&b, &why);
		exit_code = service_exit(&b.service, e, &why);
	} else {
		exit_code = error_exit_code(e);
	}
	billing_close(&b);
	service_stop(&b.service);
	settings_destroy(&b.loaded);
	return exit_code;
}
