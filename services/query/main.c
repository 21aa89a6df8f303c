#include "query.h"

int main(int argc, char **argv, char **envp) {
	struct query_settings settings = {0};
	struct settings *s = NULL;
	int code = 0;
	if (!settings_begin(&query_settings_table, argc, argv, envp, &settings, &s, &code)) return code;
	struct service service = {0};
	struct query *q = NULL;
	struct problem why = {0};
	enum error e = service_start(&service, "query", &settings.service, NULL, NULL);
	if (e) {
		code = error_exit_code(e);
	} else {
		e = query_open(&service, &settings, &q, &why);
		if (!e) e = query_run(q, &why);
		code = service_exit(&service, e, &why);
	}
	query_close(&q);
	service_stop(&service);
	settings_destroy(&s);
	return code;
}
