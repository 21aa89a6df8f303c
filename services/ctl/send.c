/* tiergate send FILE: signs an event as Stripe signs it and posts it. For development. */
#include "base/show.h"
#include "http.h"
#include "net/webhook_secrets.h"
#include "service/clock.h"
#include "value.h"
#include "verb.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <unistd.h>

static const struct setting rows[] = {
	{"WEBHOOK_SECRETS", SETTING_SECRET, AT(webhook_secrets), .secret_lines = true, .required = true,
	 .help = "lines of: label live|test whsec_… [account]; the ingress has the same"},
	{"LABEL", SETTING_STRING, AT(label), .flag_only = true,
	 .help = "sign with the secret of this label; default: the first"},
	{"WEBHOOK_URL", SETTING_STRING, AT(webhook_url), .fallback = "http://127.0.0.1:8701/api/v1/billing/webhook",
	 .help = "where to post it"},
	{"SET_CREATED_NOW", SETTING_BOOL, AT(set_created_now), .flag_only = true,
	 .help = "change the event's `created` to now before it is signed"},
	ROW_TIMEOUT,
	ROW_JSON,
};

static const struct settings_table table = {
	.program = "tiergate send",
	.purpose = "Signs an event file with a development secret and posts it as Stripe would.",
	.arguments = "FILE",
	.arguments_min = 1,
	.arguments_max = 1,
	.notes = "FILE holds one event; - is standard input. Exits with 0 when it was accepted, 1 when it was refused "
		 "(4xx),\n"
		 "69 when nobody answers or the answer is 5xx.",
	.exit_1 = "1 refused",
	.rows = rows,
	.count = ARRAY_LEN(rows),
};

/* An event file: its bytes, owned. */
struct event_file {
	char *bytes;
	size_t len;
};

static enum error read_all(int fd, const char *name, struct event_file *ret_f, struct problem *why) {
	char *bytes = malloc((size_t)EVENT_BODY_MAX + 1);
	if (!bytes) return problem_set(why, ERR_MEMORY, "no memory for the event");
	size_t n = 0;
	ssize_t got;
	while ((got = read(fd, bytes + n, (size_t)EVENT_BODY_MAX + 1 - n)) != 0) {
		if (got < 0 && errno == EINTR) continue;
		if (got < 0) break;
		n += (size_t)got;
	}
	enum error e = OK;
	if (got < 0) e = problem_set(why, ERR_IO, "cannot read %.100s: %s", name, strerror(errno));
	if (!e && n > EVENT_BODY_MAX) e = problem_set(why, ERR_LIMIT, "%.100s: over %d bytes", name, EVENT_BODY_MAX);
	if (!e && n == 0) e = problem_set(why, ERR_USAGE, "%.100s: is empty", name);
	if (e) {
		free(bytes);
		return e;
	}
	*ret_f = (struct event_file){bytes, n};
	return OK;
}

static enum error read_file(const char *name, struct event_file *ret_f, struct problem *why) {
	if (strcmp(name, "-") == 0) return read_all(STDIN_FILENO, "standard input", ret_f, why);
	int fd = open(name, O_RDONLY | O_CLOEXEC);
	if (fd < 0)
		return problem_set(why, errno == ENOENT ? ERR_USAGE : ERR_IO, "cannot open %.100s: %s", name,
				   strerror(errno));
	enum error e = read_all(fd, name, ret_f, why);
	close(fd);
	return e;
}

/* Written anew, since the signature is over the bytes. */
static enum error set_created(struct event_file *f, struct problem *why) {
	json_error_t where;
	json_t *event = json_loadb(f->bytes, f->len, JSON_REJECT_DUPLICATES, &where);
	if (!event) return problem_set(why, ERR_USAGE, "not a JSON event: line %d: %.120s", where.line, where.text);
	char *text = NULL;
	if (json_is_object(event) && json_object_set_new(event, "created", json_integer(wall_s())) == 0)
		text = json_dumps(event, JSON_COMPACT);
	bool is_object = json_is_object(event);
	json_decref(event);
	if (!is_object) return problem_set(why, ERR_USAGE, "not a JSON event: it is no object");
	if (!text) return problem_set(why, ERR_MEMORY, "no memory for the event");
	free(f->bytes);
	*f = (struct event_file){text, strlen(text)};
	return OK;
}

static enum error sign(const struct call *c, struct view body, char ret_header[STRIPE_HEADER_SIZE],
		       struct problem *why) {
	AUTO(webhook_secrets_destroy)
	struct webhook_secrets *secrets = NULL;
	struct problem inner = {0};
	enum error e = webhook_secrets_parse(view_str(c->s.webhook_secrets), &secrets, &inner);
	if (e)
		return problem_set(why, e, "%s: %s", settings_origin(c->settings, "WEBHOOK_SECRETS"),
				   problem_text(&inner));
	int i = c->s.label ? webhook_secrets_find(secrets, view_str(c->s.label)) : 0;
	if (i < 0)
		return problem_set(why, ERR_USAGE, "--label: there is no secret '%s' in %s", show_str(c->s.label).text,
				   settings_origin(c->settings, "WEBHOOK_SECRETS"));
	return webhook_sign(secrets, (unsigned)i, wall_s(), body, ret_header);
}

static json_t *to_json(const struct http_reply *r) {
	json_t *o = json_object(), *body = json_loadb(r->body, r->len, JSON_DECODE_ANY, NULL);
	json_object_set_new(o, "status", json_integer(r->status));
	json_object_set_new(o, "body", body ? body : text_json(view_of(r->body, r->len)));
	return o;
}

static void print(const json_t *o) {
	const json_t *body = json_object_get(o, "body");
	const char *code = member_text(body, "code");
	(void)printf("%" JSON_INTEGER_FORMAT " ", member_number(o, "status"));
	if (member_number(body, "seq")) {
		(void)printf(
			"%s record %" JSON_INTEGER_FORMAT " of the journal",
			member_true(body, "duplicate") ? "a duplicate of" : "accepted:", member_number(body, "seq"));
	} else if (*code) {
		(void)printf("%s: %s%s", code, member_text(body, "detail"),
			     strcmp(code, "bad_signature") == 0 ? "; has the ingress the same secret?" : "");
	} else if (json_is_string(body)) {
		(void)printf("%s", json_string_value(body));
	} else {
		(void)json_dumpf(body, stdout, JSON_ENCODE_ANY | JSON_ENSURE_ASCII);
	}
	(void)printf("\n");
}

static enum error post(const struct call *c, struct event_file *f, struct http_reply *ret_reply, struct problem *why) {
	char signature[STRIPE_HEADER_SIZE], header[sizeof "Stripe-Signature: " + STRIPE_HEADER_SIZE];
	enum error e = c->s.set_created_now ? set_created(f, why) : OK;
	struct view body = view_of(f->bytes, f->len);
	if (!e) e = sign(c, body, signature, why);
	if (e) return e;
	(void)snprintf(header, sizeof header, "Stripe-Signature: %s", signature);
	const struct http_ask ask = {
		.url = c->s.webhook_url, .timeout_ms = c->s.timeout_ms, .post = &body, .header = header};
	struct problem inner = {0};
	e = http_ask(&ask, ret_reply, &inner);
	if (e == ERR_UNAVAILABLE) return problem_set(why, e, "%s; is tiergate-ingress running there?", inner.text);
	return e ? problem_set(why, e, "%s", problem_text(&inner)) : OK;
}

static int run(const struct call *c) {
	struct problem why = {0};
	struct event_file f = {0};
	struct http_reply reply = {0};
	enum error e = read_file(call_argument(c), &f, &why);
	if (!e) e = post(c, &f, &reply, &why);
	free(f.bytes);
	if (e) return call_failed(c, e, &why);
	int code = error_exit_code(ERR_UNAVAILABLE);
	if (reply.status >= 200 && reply.status < 300) code = 0;
	if (reply.status >= 300 && reply.status < 500) code = 1;
	code = call_done(c, to_json(&reply), print, code);
	http_reply_finish(&reply);
	return code;
}

const struct verb verb_send = {"send", "signs an event file and posts it, for development", &table, run};
