/* A program of somebody else's: what it says when nobody answers. */
#include <tiergate.h>

#include <stdio.h>

int main(void) {
	const struct tg_policy policies[] = {{"reading", TG_ALLOW, 0}};
	struct tg_options o = {0};
	struct tg_client *client = NULL;
	struct tg_answer reading, writing;
	char why[TG_WHY_SIZE];
	o.query = "tcp://127.0.0.1:1";
	o.feed = "tcp://127.0.0.1:2";
	o.timeout_ms = 100;
	o.policies = policies;
	o.policy_count = 1;
	if (tg_client_open(&o, &client, why) != 0) {
		(void)fprintf(stderr, "%s\n", why);
		return 1;
	}
	enum tg_status a = tg_check(client, "alice", NULL, "reading", &reading);
	enum tg_status b = tg_check(client, "alice", NULL, "writing", &writing);
	tg_client_close(&client);
	printf("%s\n",
	       a == TG_FALLBACK && reading.allowed && b == TG_FALLBACK && !writing.allowed ? "as declared" : "wrong");
	return 0;
}
