/* A service's frame as a whole: start, the admin port over real HTTP, stop. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>

#include <arpa/inet.h>
#include <cmocka.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <unistd.h>

#include "service/random.h"
#include "service/start.h"

/* GET over a fresh connection; the whole answer. */
static const char *get(const char *address, const char *path) {
	static char answer[65536];
	const char *colon = strrchr(address, ':');
	struct sockaddr_in a = {.sin_family = AF_INET, .sin_port = htons((uint16_t)strtoul(colon + 1, NULL, 10))};
	assert_int_equal(inet_pton(AF_INET, "127.0.0.1", &a.sin_addr), 1);
	int fd = socket(AF_INET, SOCK_STREAM, 0);
	assert_int_equal(connect(fd, (const struct sockaddr *)&a, sizeof a), 0);
	char request[200];
	int n = snprintf(request, sizeof request, "GET %s HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n", path);
	assert_int_equal(write(fd, request, (size_t)n), n);
	size_t used = 0;
	ssize_t got;
	while ((got = read(fd, answer + used, sizeof answer - 1 - used)) > 0) used += (size_t)got;
	answer[used] = '\0';
	close(fd);
	return answer;
}

/* on the admin port's thread */
static void count(void *ctx) { ++*(_Atomic unsigned *)ctx; }

static void starts_answers_and_stops(void **state) {
	(void)state;
	struct service s;
	struct service_settings settings = {.admin_listen = "127.0.0.1:0", .log_level = LEVEL_ERROR};
	_Atomic unsigned refreshed = 0;
	assert_int_equal(service_start(&s, "query", &settings, count, &refreshed), OK);
	const char *at = admin_address(s.admin);
	assert_non_null(strstr(get(at, "/livez"), "HTTP/1.1 200"));
	assert_int_equal(refreshed, 0);
	const char *answer = get(at, "/readyz");
	assert_non_null(strstr(answer, "HTTP/1.1 503"));
	assert_non_null(
		strstr(answer, "{\"ready\":false,\"why\":[\"start: starting\"],\"facts\":{\"service\":\"query\""));
	service_ready(&s);
	answer = get(at, "/readyz");
	assert_non_null(strstr(answer, "HTTP/1.1 200"));
	assert_non_null(strstr(answer, "application/json"));
	assert_non_null(strstr(get(at, "/metrics"), "tiergate_query_build_info{version=\""));
	assert_non_null(strstr(get(at, "/"), "HTTP/1.1 404"));
	assert_int_equal(refreshed, 3);

	/* the port is taken: a second service says so and can be stopped half-made */
	struct service second;
	char taken[64];
	(void)snprintf(taken, sizeof taken, "%s", at);
	settings.admin_listen = taken;
	settings.log_level = LEVEL_ERROR;
	assert_int_equal(service_start(&second, "query", &settings, NULL, NULL), ERR_UNAVAILABLE);
	service_stop(&second);

	assert_int_equal(service_exit(&s, OK, NULL), 0);
	assert_int_equal(service_exit(&s, ERR_STORAGE, NULL), 74);
	service_stop(&s);
	service_stop(&(struct service){0});
	service_stop(NULL);
}

static void random_numbers_are_positive_and_differ(void **state) {
	(void)state;
	uint64_t a = 0, b = 0;
	assert_int_equal(random_u64(&a, NULL), OK);
	assert_int_equal(random_u64(&b, NULL), OK);
	assert_true(a != b && a != 0 && b != 0 && a <= INT64_MAX && b <= INT64_MAX);
}

static void raises_the_limit_of_files(void **state) {
	(void)state;
	struct rlimit was, low, now;
	assert_int_equal(getrlimit(RLIMIT_NOFILE, &was), 0);
	low = was;
	low.rlim_cur = 100;
	assert_int_equal(setrlimit(RLIMIT_NOFILE, &low), 0);
	struct service s;
	struct service_settings settings = {.admin_listen = "127.0.0.1:0", .log_level = LEVEL_ERROR};
	assert_int_equal(service_start(&s, "query", &settings, NULL, NULL), OK);
	assert_int_equal(getrlimit(RLIMIT_NOFILE, &now), 0);
	assert_int_equal(now.rlim_cur, was.rlim_max < SERVICE_FILES ? was.rlim_max : SERVICE_FILES);
	assert_int_equal(now.rlim_max, was.rlim_max);
	service_stop(&s);
	assert_int_equal(setrlimit(RLIMIT_NOFILE, &was), 0);
}

static void hides_from_others_of_its_user(void **state) {
	(void)state;
	assert_int_equal(prctl(PR_SET_DUMPABLE, 1, 0, 0, 0), 0);
	service_hide();
	assert_int_equal(prctl(PR_GET_DUMPABLE, 0, 0, 0, 0), 0);
	assert_int_equal(prctl(PR_SET_DUMPABLE, 1, 0, 0, 0), 0);
}

int main(void) {
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(hides_from_others_of_its_user),
		cmocka_unit_test(starts_answers_and_stops),
		cmocka_unit_test(raises_the_limit_of_files),
		cmocka_unit_test(random_numbers_are_positive_and_differ),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
