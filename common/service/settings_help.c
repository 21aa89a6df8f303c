#include "service/setting_value.h"
#include "service/settings.h"

#include <string.h>

#define HELP_COLUMN 34 /* where the explanations start */

static void print_flag(const struct setting *row, FILE *out) {
	const struct flag_name flag = setting_flag(row);
	const char *holder = setting_placeholder(row);
	int used = fprintf(out, "  --%s%s%s", flag.text, holder ? " " : "", holder ? holder : "");
	/* the ellipsis is three bytes and one column */
	if (holder && strstr(holder, "…")) used -= 2;
	if (used >= HELP_COLUMN - 1) {
		(void)fprintf(out, "\n");
		used = 0;
	}
	(void)fprintf(out, "%*s%s\n", HELP_COLUMN - used, "", row->help);
	if (row->flag_only && !row->fallback) return;
	(void)fprintf(out, "%*s(", HELP_COLUMN, "");
	if (!row->flag_only) {
		(void)fprintf(out, "TIERGATE_%s", row->name);
		if (row->type == SETTING_SECRET)
			(void)fprintf(out, ", or a file: TIERGATE_%s_FILE, --%s-file", row->name, flag.text);
	}
	const char *semicolon = row->flag_only ? "" : "; ";
	if (row->fallback) {
		(void)fprintf(out, "%sdefault %s", semicolon, row->fallback);
	} else if (row->required) {
		(void)fprintf(out, "%srequired", semicolon);
	}
	(void)fprintf(out, ")\n");
}

void settings_print_help(const struct settings_table *t, FILE *out) {
	(void)fprintf(out, "usage: %s [flags]%s%s\n\n%s\n\n", t->program, t->arguments ? " " : "",
		      t->arguments ? t->arguments : "", t->purpose);
	for (size_t i = 0; i < t->count; i++) print_flag(&t->rows[i], out);
	(void)fprintf(out, "  --help, --version\n");
	if (t->notes) (void)fprintf(out, "\n%s\n", t->notes);
	(void)fprintf(out,
		      "\nA flag beats its environment name, which beats the default.\n"
		      "Exit codes: 0 ok, %s%s64 usage, 69 unavailable, 74 input/output, 78 configuration.\n",
		      t->exit_1 ? t->exit_1 : "", t->exit_1 ? ", " : "");
}
