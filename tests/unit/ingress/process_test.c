/* The program itself: start, a delivery over real HTTP, HUP, TERM, and again on the same journal. */
#include <arpa/inet.h>
#include <errno.h>
#include <limits.h>
#include <netdb.h>
#include <poll.h>
#include <signal.h>
#include <spawn.h>
#include <sys/socket.h>
#include <sys/wait.h>

#include "support.h"

#define LINE_MAX_BYTES 4096

struct process {
	pid_t pid;
	int err; /* its stderr */
	char listen[128];
	char admin[128];
};

struct site {
	struct scratch scratch;
	struct webhook_secrets *secrets;
	char secrets_file[300];
};

static void write_file(const char *path, const char *text) {
	FILE *f = fopen(path, "w");
	assert_non_null(f);
	assert_true(fputs(text, f) >= 0);
	assert_int_equal(fclose(f), 0);
}

static int setup(void **state) {
	struct site *s = calloc(1, sizeof *s);
	*state = s;
	scratch_make(&s->scratch);
	s->secrets = make_secrets();
	snprintf(s->secrets_file, sizeof s->secrets_file, "%s/secrets", s->scratch.dir);
	write_file(s->secrets_file, SECRETS);
	return 0;
}

static int teardown(void **state) {
	struct site *s = *state;
	webhook_secrets_destroy(&s->secrets);
	scratch_remove(&s->scratch);
	free(s);
	return 0;
}

/* ---- the process ------------------------------------------------------------------- */

/* The tests are built in <build>/tests, the programs in <build>/bin. */
static void program_path(char out[PATH_MAX]) {
	ssize_t n = readlink("/proc/self/exe", out, PATH_MAX - 1);
	assert_true(n > 0);
	out[n] = 0;
	for (int up = 0; up < 2; up++) *strrchr(out, '/') = 0;
	size_t len = strlen(out);
	assert_true(snprintf(out + len, PATH_MAX - len, "/bin/tiergate-ingress") > 0);
}

static pid_t spawn(const struct site *s, int err, const char *extra) {
	char path[PATH_MAX], journal[300], pub[300], replay[300];
	program_path(path);
	snprintf(journal, sizeof journal, "%s/journal", s->scratch.dir);
	snprintf(pub, sizeof pub, "ipc://%s/pub", s->scratch.dir);
	snprintf(replay, sizeof replay, "ipc://%s/replay", s->scratch.dir);
	const char *argv[] = {path,
			      "--listen",
			      "127.0.0.1:0",
			      "--admin-listen",
			      "127.0.0.1:0",
			      "--journal-dir",
			      journal,
			      "--journal-pub",
			      pub,
			      "--journal-replay",
			      replay,
			      "--webhook-secrets-file",
			      s->secrets_file,
			      extra,
			      NULL};
	union {
		const char **in;
		char *const *out;
	} args = {.in = argv}; /* posix_spawn does not write to them */
	posix_spawn_file_actions_t actions;
	posix_spawn_file_actions_init(&actions);
	posix_spawn_file_actions_adddup2(&actions, err, STDERR_FILENO);
	pid_t pid = -1;
	assert_int_equal(posix_spawn(&pid, path, &actions, NULL, args.out, environ), 0);
	posix_spawn_file_actions_destroy(&actions);
	return pid;
}

static bool read_line(int fd, char line[LINE_MAX_BYTES]) {
	size_t n = 0;
	struct pollfd p = {.fd = fd, .events = POLLIN};
	while (n < LINE_MAX_BYTES - 1) {
		if (poll(&p, 1, PATIENCE_MS) != 1) fail_msg("the process says nothing");
		if (read(fd, line + n, 1) != 1) return false;
		if (line[n++] == '\n') break;
	}
	line[n] = 0;
	return true;
}

static void expect_line(int fd, const char *event, char line[LINE_MAX_BYTES]) {
	while (read_line(fd, line))
		if (strstr(line, event)) return;
	fail_msg("it ended without %s", event);
}

static void value_of(const char *line, const char *key, char out[128]) {
	const char *at = strstr(line, key);
	assert_non_null(at);
	assert_int_equal(sscanf(at + strlen(key), "%127[^ \n]", out), 1);
}

static struct process start(const struct site *s) {
	int pipes[2];
	assert_int_equal(pipe(pipes), 0);
	struct process p = {.pid = spawn(s, pipes[1], NULL), .err = pipes[0]};
	close(pipes[1]);
	char line[LINE_MAX_BYTES];
	expect_line(p.err, "ev=ready", line);
	value_of(line, " listen=", p.listen);
	value_of(line, " admin=", p.admin);
	return p;
}

static int wait_exit(pid_t pid) {
	int status = 0;
	assert_int_equal(waitpid(pid, &status, 0), pid);
	return WIFEXITED(status) ? WEXITSTATUS(status) : 1000 + WTERMSIG(status);
}

static void stop(struct process *p) {
	char line[LINE_MAX_BYTES];
	assert_int_equal(kill(p->pid, SIGTERM), 0);
	expect_line(p->err, "ev=stopped", line);
	assert_int_equal(wait_exit(p->pid), 0);
	close(p->err);
}

/* ---- HTTP ---------------------------------------------------------------------------- */

static void converse(const char *endpoint, const char *request, size_t n, char *out, size_t room) {
	char host[128];
	snprintf(host, sizeof host, "%s", endpoint);
	char *port = strrchr(host, ':');
	*port++ = 0;
	struct sockaddr_in a = {.sin_family = AF_INET, .sin_port = htons((uint16_t)strtoul(port, NULL, 10))};
	assert_int_equal(inet_pton(AF_INET, host, &a.sin_addr), 1);
	int fd = socket(AF_INET, SOCK_STREAM, 0);
	struct timeval patience = {.tv_sec = PATIENCE_MS / 1000};
	setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof patience);
	assert_int_equal(connect(fd, (struct sockaddr *)&a, sizeof a), 0);
	assert_int_equal(send(fd, request, n, MSG_NOSIGNAL), n);
	size_t got = 0;
	/* a receive with a limit is interrupted when the process is stopped and goes on */
	for (ssize_t r = 1; got + 1 < room && (r > 0 || (r < 0 && errno == EINTR)); got += r > 0 ? (size_t)r : 0)
		r = recv(fd, out + got, room - 1 - got, 0);
	out[got] = 0;
	close(fd);
}

static void deliver(const struct site *s, const struct process *p, unsigned secret, const char *id, bool livemode,
		    char *out, size_t room) {
	char body[8192], header[STRIPE_HEADER_SIZE], request[10000];
	size_t n = make_event(body, sizeof body, id, livemode, NULL, 4096);
	assert_int_equal(webhook_sign(s->secrets, secret, wall_s(), view_of(body, n), header), OK);
	int h = snprintf(request, sizeof request,
			 "POST /api/v1/billing/webhook HTTP/1.1\r\nHost: x\r\nConnection: close\r\n"
			 "Content-Type: application/json; charset=utf-8\r\nStripe-Signature: %s\r\n"
			 "Content-Length: %zu\r\n\r\n",
			 header, n);
	memcpy(request + h, body, n);
	converse(p->listen, request, (size_t)h + n, out, room);
}

static void get(const char *endpoint, const char *path, char *out, size_t room) {
	char request[256];
	int n = snprintf(request, sizeof request, "GET %s HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n", path);
	converse(endpoint, request, (size_t)n, out, room);
}

static void has(const char *answer, const char *text) {
	if (!strstr(answer, text)) fail_msg("no %s in: %s", text, answer);
}

/* ---- tests ------------------------------------------------------------------------------ */

static void keeps_what_it_acknowledged(void **state) {
	struct site *s = *state;
	static char out[256 * 1024];
	struct process p = start(s);
	deliver(s, &p, DEV, "evt_1", false, out, sizeof out);
	has(out, "HTTP/1.1 200 OK\r\n");
	has(out, "{\"seq\":1,\"duplicate\":false}");
	deliver(s, &p, DEV, "evt_1", false, out, sizeof out);
	has(out, "{\"seq\":1,\"duplicate\":true}");
	deliver(s, &p, DEV, "evt_2", true, out, sizeof out);
	has(out, "HTTP/1.1 400 ");
	has(out, "\"code\":\"wrong_mode\"");
	/* one id, another mode: another event */
	deliver(s, &p, PROD, "evt_1", true, out, sizeof out);
	has(out, "{\"seq\":2,\"duplicate\":false}");
	get(p.admin, "/readyz", out, sizeof out);
	has(out, "HTTP/1.1 200 OK\r\n");
	get(p.admin, "/metrics", out, sizeof out);
	has(out, "\ntiergate_ingress_webhooks_total{code=\"ok\"} 3\n");
	has(out, "\ntiergate_ingress_secret_matches_total{secret=\"dev\"} 3\n");
	get(p.listen, "/metrics", out, sizeof out);
	has(out, "HTTP/1.1 404 ");
	stop(&p);
	/* the same journal again, after a kill this time */
	p = start(s);
	deliver(s, &p, DEV, "evt_1", false, out, sizeof out);
	has(out, "{\"seq\":1,\"duplicate\":true}");
	deliver(s, &p, DEV, "evt_3", false, out, sizeof out);
	has(out, "{\"seq\":3,\"duplicate\":false}");
	kill(p.pid, SIGKILL);
	assert_int_equal(wait_exit(p.pid), 1000 + SIGKILL);
	close(p.err);
	p = start(s);
	deliver(s, &p, DEV, "evt_3", false, out, sizeof out);
	has(out, "{\"seq\":3,\"duplicate\":true}");
	stop(&p);
}

static void reloads_secrets(void **state) {
	struct site *s = *state;
	char out[4096], line[LINE_MAX_BYTES];
	struct process p = start(s);
	write_file(s->secrets_file, "dev test whsec_0123456789abcdef\nbroken nonsense whsec_broken00000\n");
	assert_int_equal(kill(p.pid, SIGHUP), 0);
	expect_line(p.err, "ev=reload_refused", line);
	has(line, "line 2");
	assert_null(strstr(line, "whsec_"));
	deliver(s, &p, PROD, "evt_1", true, out, sizeof out);
	has(out, "HTTP/1.1 200 OK\r\n");
	write_file(s->secrets_file, "dev test whsec_0123456789abcdef\n");
	assert_int_equal(kill(p.pid, SIGHUP), 0);
	expect_line(p.err, "ev=reloaded", line);
	deliver(s, &p, PROD, "evt_2", true, out, sizeof out);
	has(out, "\"code\":\"bad_signature\"");
	deliver(s, &p, DEV, "evt_3", false, out, sizeof out);
	has(out, "HTTP/1.1 200 OK\r\n");
	stop(&p);
}

static void refuses_bad_settings(void **state) {
	struct site *s = *state;
	int pipes[2];
	char line[LINE_MAX_BYTES];
	assert_int_equal(pipe(pipes), 0);
	write_file(s->secrets_file, "no secret at all\n");
	pid_t pid = spawn(s, pipes[1], NULL);
	close(pipes[1]);
	expect_line(pipes[0], "line 1", line);
	assert_int_equal(wait_exit(pid), 78);
	close(pipes[0]);
	assert_int_equal(pipe(pipes), 0);
	pid = spawn(s, pipes[1], "--no-such-flag");
	close(pipes[1]);
	assert_int_equal(wait_exit(pid), 64);
	close(pipes[0]);
}

int main(void) {
	/* settings of whoever runs the tests */
	unsetenv("TIERGATE_WEBHOOK_SECRETS");
	unsetenv("TIERGATE_LOG_FORMAT");
	unsetenv("TIERGATE_LOG_LEVEL");
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(keeps_what_it_acknowledged, setup, teardown),
		cmocka_unit_test_setup_teardown(reloads_secrets, setup, teardown),
		cmocka_unit_test_setup_teardown(refuses_bad_settings, setup, teardown),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
