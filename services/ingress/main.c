/* tiergate-ingress: the only process on the internet. Signed webhooks in, journal records out. */
#include "ingress.h"

int main(int argc, char **argv, char **envp) {
	struct ingress_settings settings;
	AUTO(settings_destroy)
	struct settings *origin = NULL;
	struct problem why = {0};
	int code = 0;
	if (!settings_begin(&ingress_settings_table, argc, argv, envp, &settings, &origin, &code)) return code;
	struct ingress in = {0};
	enum error e = service_start(&in.service, "ingress", &settings.service, NULL, NULL);
	if (e) {
		code = error_exit_code(e);
	} else {
		e = ingress_open(&in, &settings, origin, &why);
		if (!e) e = ingress_run(&in, &why);
		ingress_close(&in);
		code = service_exit(&in.service, e, &why);
	}
	service_stop(&in.service);
	return code;
}
