/* tiergate keygen [NAME] */
#include "base/show.h"
#include "net/curve_keys.h"
#include "value.h"
#include "verb.h"

#include <errno.h>
#include <sys/stat.h>

#define PATH_SIZE 4096

static const struct setting rows[] = {
	{"CURVE_DIR", SETTING_DIR, AT(curve_dir), .fallback = "./data/keys", .help = "the directory of keys"},
	{"MAY", SETTING_STRING, AT(may), .flag_only = true, .fallback = "check,feed",
	 .help = "what the client may do: check, feed, journal, append"},
	ROW_JSON,
};

static const struct settings_table table = {
	.program = "tiergate keygen",
	.purpose = "Makes CURVE keys: this installation's, or those of one client that may connect to it.",
	.arguments = "[NAME]",
	.arguments_max = 1,
	.notes = "Without NAME: server.key and server.pub for the services, and client.key for this host's own "
		 "commands,\n"
		 "allowed to do everything.\n"
		 "With NAME: allowed/NAME.pub, and clients/NAME, a directory to move to the client's host, where\n"
		 "CURVE_DIR names it. Nothing that exists is overwritten. Send HUP to the services afterwards.\n"
		 "To shut a client out remove allowed/NAME.pub and send HUP.",
	.rows = rows,
	.count = ARRAY_LEN(rows),
};

struct paths {
	char dir[PATH_SIZE];
	char path[PATH_SIZE + 128];
};

/* dir/a or dir/a/b; the last use's text is gone. */
static const char *in(struct paths *p, const char *a, const char *b) {
	(void)snprintf(p->path, sizeof p->path, "%s/%s%s%s", p->dir, a, b ? "/" : "", b ? b : "");
	return p->path;
}

static enum error make_dir(const char *path, struct problem *why) {
	if (mkdir(path, 0700) == 0 || errno == EEXIST) return OK;
	return problem_set(why, ERR_CONFIG, "%s: %s", path, strerror(errno));
}

static enum error make_own(struct paths *p, struct problem *why) {
	const unsigned all = (1u << CURVE_RIGHT_COUNT) - 1;
	struct curve_pair server = {0}, client = {0};
	enum error e = curve_pair_make(&server, why);
	if (!e) e = curve_pair_make(&client, why);
	if (!e) e = make_dir(p->dir, why);
	/* the secret first: what is there without it is of no use to anybody */
	if (!e) e = curve_pair_write(in(p, "server.key", NULL), &server, true, 0, why);
	if (!e) e = curve_pair_write(in(p, "server.pub", NULL), &server, false, 0, why);
	if (!e) e = curve_pair_write(in(p, "client.key", NULL), &client, true, 0, why);
	if (!e) e = curve_pair_write(in(p, "allowed", "local.pub"), &client, false, all, why);
	curve_pair_forget(&server);
	curve_pair_forget(&client);
	return e;
}

static enum error make_client(struct paths *p, const char *name, unsigned rights, struct problem *why) {
	struct curve_pair server = {0}, client = {0};
	char place[CURVE_NAME_MAX + 16], file[CURVE_NAME_MAX + 8];
	(void)snprintf(place, sizeof place, "clients/%s", name);
	(void)snprintf(file, sizeof file, "%s.pub", name);
	enum error e = curve_pair_read(in(p, "server.pub", NULL), false, &server, why);
	if (e == ERR_NOT_FOUND)
		e = problem_set(why, ERR_CONFIG, "%s: no such file; `tiergate keygen` without a name comes first",
				p->path);
	if (!e) e = curve_pair_make(&client, why);
	if (!e) e = make_dir(in(p, "clients", NULL), why);
	if (!e) e = make_dir(in(p, place, NULL), why);
	if (!e) e = curve_pair_write(in(p, place, "client.key"), &client, true, 0, why);
	if (!e) e = curve_pair_write(in(p, place, "server.pub"), &server, false, 0, why);
	if (!e) e = curve_pair_write(in(p, "allowed", file), &client, false, rights, why);
	curve_pair_forget(&server);
	curve_pair_forget(&client);
	return e;
}

static void print(const json_t *o) {
	const char *dir = member_text(o, "dir"), *name = member_text(o, "name");
	if (!*name) {
		(void)printf("made: %s/server.key, server.pub, client.key and allowed/local.pub\n"
			     "start services that bind other than local endpoints with TIERGATE_CURVE_DIR=%s\n",
			     dir, dir);
		return;
	}
	(void)printf("made: %s/allowed/%s.pub, which may %s\n"
		     "move %s/clients/%s to the client's host, and name it there: TIERGATE_CURVE_DIR\n"
		     "send HUP to the services\n",
		     dir, name, member_text(o, "may"), dir, name);
}

static int run(const struct call *c) {
	struct problem why = {0};
	struct paths p;
	unsigned rights = 0;
	const char *name = call_argument(c) ? call_argument(c) : "";
	(void)snprintf(p.dir, sizeof p.dir, "%s", c->s.curve_dir);
	enum error e = curve_rights_parse(view_str(c->s.may), &rights, &why);
	if (!e && *name && !curve_name_valid(view_str(name)))
		e = problem_set(&why, ERR_USAGE, "'%s': a client's name is 1 to %d of A-Z a-z 0-9 . _ -",
				show_str(name).text, CURVE_NAME_MAX);
	if (e == ERR_CONFIG) e = ERR_USAGE; /* --may */
	if (!e) e = *name ? make_client(&p, name, rights, &why) : make_own(&p, &why);
	if (e) return call_failed(c, e, &why);
	return call_done(
		c, json_pack("{s:s, s:s, s:s}", "dir", c->s.curve_dir, "name", name, "may", *name ? c->s.may : ""),
		print, 0);
}

const struct verb verb_keygen = {"keygen", "makes keys for clients on other hosts", &table, run};
