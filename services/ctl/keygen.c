/* tiergate keygen [NAME] */
#include "base/show.h"
#include "net/curve_keys.h"
#include "value.h"
#include "verb.h"

#include <errno.h>
#include <sys/stat.h>
#include <unistd.h>

#define PATH_SIZE 3800

#define X(symbol, word, help) "\n  " word ": " help
#define RIGHTS_HELP CURVE_RIGHT_TABLE(X)

static const struct setting rows[] = {
	{"CURVE_DIR", SETTING_DIR, AT(curve_dir), .fallback = "./data/keys", .help = "the directory of keys"},
	{"MAY", SETTING_STRING, AT(may), .flag_only = true, .fallback = "check,feed",
	 .help = "what the client may do, see below"},
	{"PUBLIC", SETTING_STRING, AT(public_key), .flag_only = true,
	 .help = "the client has keys already, and this is its public one"},
	{"IF_MISSING", SETTING_BOOL, AT(if_missing), .flag_only = true,
	 .help = "what is there is fine: only what is missing is made"},
	ROW_JSON,
};

static const struct settings_table table = {
	.program = "tiergate keygen",
	.purpose = "Makes CURVE keys: this installation's, or those of one client that may connect to it.",
	.arguments = "[NAME]",
	.arguments_max = 1,
	.notes = "Without NAME: server.key and server.pub for the services, and client.key for this host's own\n"
		 "commands, allowed to do everything.\n"
		 "With NAME: allowed/NAME.pub, and clients/NAME, a directory to move to the client's host, where\n"
		 "CURVE_DIR names it; with --public allowed/NAME.pub alone. Nothing that exists is overwritten.\n"
		 "Send HUP to the services afterwards. To shut a client out remove allowed/NAME.pub and send HUP.\n"
		 "A key may do what --may names, separated by commas:" RIGHTS_HELP "\n"
		 "A worker on another host needs journal; a reconciler journal,append; a query changes; a billing\n"
		 "service check,feed,session.",
	.rows = rows,
	.count = ARRAY_LEN(rows),
};

struct paths {
	bool if_missing;
	char dir[PATH_SIZE];
	char path[PATH_SIZE + 160];
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

static bool is_there(const char *path) { return access(path, F_OK) == 0; }

/* A public half; one that is there is left when that is wished. */
static enum error put_public(struct paths *p, const char *path, const struct curve_pair *pair, unsigned rights,
			     struct problem *why) {
	enum error e = curve_pair_write(path, pair, false, rights, why);
	return e == ERR_EXISTS && p->if_missing ? OK : e;
}

/* The pair of a secret file that is there, else a new one in it. */
static enum error have_pair(const char *path, bool if_missing, struct curve_pair *ret_pair, struct problem *why) {
	if (if_missing) {
		enum error e = curve_pair_read(path, true, ret_pair, why);
		if (e != ERR_NOT_FOUND) return e;
	}
	enum error e = curve_pair_make(ret_pair, why);
	return e ? e : curve_pair_write(path, ret_pair, true, 0, why);
}

/* A client's pair as `place`/client.key, and its public half as allowed/NAME.pub. The secret has another name until all
 * of it is there: so whoever finds client.key knows that the key was allowed, and that who took it out meant it. */
static enum error make_client_key(struct paths *p, const char *place, const char *name, unsigned rights,
				  struct problem *why) {
	struct curve_pair pair = {0};
	char file[CURVE_NAME_MAX + 8], key[PATH_SIZE + 160], part[PATH_SIZE + 160];
	(void)snprintf(file, sizeof file, "%s.pub", name);
	(void)snprintf(key, sizeof key, "%s/%sclient.key", p->dir, place);
	(void)snprintf(part, sizeof part, "%s/%sclient.key.new", p->dir, place);
	if (is_there(key)) return p->if_missing ? OK : problem_set(why, ERR_EXISTS, "%s: %s", key, strerror(EEXIST));
	/* it was moved to where it belongs */
	if (!is_there(part) && is_there(in(p, "allowed", file)))
		return p->if_missing ? OK : problem_set(why, ERR_EXISTS, "%s: %s", p->path, strerror(EEXIST));
	enum error e = have_pair(part, is_there(part), &pair, why);
	if (!e) e = curve_pair_write(in(p, "allowed", file), &pair, false, rights, why);
	if (e == ERR_EXISTS) e = OK; /* by the one that died before it gave the secret its name */
	if (!e && rename(part, key) != 0) e = problem_set(why, ERR_IO, "%s: %s", key, strerror(errno));
	curve_pair_forget(&pair);
	return e;
}

static enum error make_own(struct paths *p, struct problem *why) {
	struct curve_pair server = {0};
	enum error e = make_dir(p->dir, why);
	/* the secret first: what is there without it is of no use to anybody */
	if (!e) e = have_pair(in(p, "server.key", NULL), p->if_missing, &server, why);
	if (!e) e = put_public(p, in(p, "server.pub", NULL), &server, 0, why);
	curve_pair_forget(&server);
	return e ? e : make_client_key(p, "", "local", CURVE_RIGHTS_ALL, why);
}

static enum error make_client(struct paths *p, const char *name, unsigned rights, struct problem *why) {
	struct curve_pair server = {0};
	char place[CURVE_NAME_MAX + 16];
	(void)snprintf(place, sizeof place, "clients/%s/", name);
	enum error e = curve_pair_read(in(p, "server.pub", NULL), false, &server, why);
	if (e == ERR_NOT_FOUND)
		e = problem_set(why, ERR_CONFIG, "%s: no such file; `tiergate keygen` without a name comes first",
				p->path);
	if (!e) e = make_dir(in(p, "clients", NULL), why);
	if (!e) e = make_dir(in(p, place, NULL), why);
	if (!e) e = make_client_key(p, place, name, rights, why);
	if (!e && is_there(in(p, place, "client.key")))
		e = curve_pair_write(in(p, place, "server.pub"), &server, false, 0, why);
	if (e == ERR_EXISTS && p->if_missing) e = OK;
	curve_pair_forget(&server);
	return e;
}

static enum error allow_public(struct paths *p, const char *name, unsigned rights, const char *public_key,
			       struct problem *why) {
	struct curve_pair pair = {0};
	char file[CURVE_NAME_MAX + 8];
	if (!curve_key_valid(view_str(public_key)))
		return problem_set(why, ERR_USAGE,
				   "--public: a key has %d characters (Z85), as in the line 'public' of a "
				   "key file",
				   CURVE_TEXT_SIZE - 1);
	(void)snprintf(pair.public_text, sizeof pair.public_text, "%s", public_key);
	(void)snprintf(file, sizeof file, "%s.pub", name);
	enum error e = make_dir(p->dir, why);
	return e ? e : put_public(p, in(p, "allowed", file), &pair, rights, why);
}

static void print(const json_t *o) {
	const char *dir = member_text(o, "dir"), *name = member_text(o, "name");
	if (!*name) {
		(void)printf("there are: %s/server.key, server.pub, client.key and allowed/local.pub\n"
			     "start services that bind other than local endpoints with TIERGATE_CURVE_DIR=%s\n",
			     dir, dir);
		return;
	}
	(void)printf("there is: %s/allowed/%s.pub, which may %s\n", dir, name, member_text(o, "may"));
	if (member_true(o, "made"))
		(void)printf("move %s/clients/%s to the client's host, and name it there: TIERGATE_CURVE_DIR\n", dir,
			     name);
	(void)printf("send HUP to the services\n");
}

static enum error check_words(const struct call *c, const char *name, unsigned *ret_rights, struct problem *why) {
	enum error e = curve_rights_parse(view_str(c->s.may), ret_rights, why);
	if (!e && *name && !curve_name_valid(view_str(name)))
		return problem_set(why, ERR_USAGE, "'%s': a client's name is 1 to %d of A-Z a-z 0-9 . _ -",
				   show_str(name).text, CURVE_NAME_MAX);
	if (!e && c->s.public_key && !*name)
		return problem_set(why, ERR_USAGE, "--public is for a client: say its NAME");
	return e ? ERR_USAGE : OK;
}

static int run(const struct call *c) {
	struct problem why = {0};
	struct paths p = {.if_missing = c->s.if_missing};
	unsigned rights = 0;
	const char *name = call_argument(c) ? call_argument(c) : "";
	enum error e = check_words(c, name, &rights, &why);
	if (!e && strlen(c->s.curve_dir) >= sizeof p.dir)
		e = problem_set(&why, ERR_USAGE, "--curve-dir: longer than a path");
	(void)snprintf(p.dir, sizeof p.dir, "%s", c->s.curve_dir);
	if (!e && c->s.public_key)
		e = allow_public(&p, name, rights, c->s.public_key, &why);
	else if (!e)
		e = *name ? make_client(&p, name, rights, &why) : make_own(&p, &why);
	struct problem first = why;
	if (e == ERR_EXISTS)
		e = problem_set(&why, e, "%.160s; nothing is overwritten (--if-missing makes only what is missing)",
				problem_text(&first));
	if (e) return call_failed(c, e, &why);
	return call_done(c,
			 json_pack("{s:s, s:s, s:s, s:b}", "dir", c->s.curve_dir, "name", name, "may",
				   *name ? c->s.may : "", "made", *name && !c->s.public_key),
			 print, 0);
}

const struct verb verb_keygen = {"keygen", "makes keys for clients on other hosts", &table, run};
