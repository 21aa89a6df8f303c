/* Laws: the stream cut anywhere counts as the stream, and an identity does not end before the bytes have come that were
 * said to be due. The first byte says where to cut. */
#include "net/zmtp_scan.h"

#include <string.h>

#include "fuzz.h"

static void add(struct zmtp_news *sum, const struct zmtp_news *news) {
	sum->frames += news->frames;
	sum->bytes += news->bytes;
	sum->subscriptions += news->subscriptions;
	sum->topics += news->topics;
	if (news->widest > sum->widest) sum->widest = news->widest;
	if (news->longest > sum->longest) sum->longest = news->longest;
}

static void check_identity(struct zmtp_scan scan, const uint8_t *bytes, size_t n) {
	size_t left = zmtp_identity_left(&scan);
	struct zmtp_news news;
	if (left == 0 || left > n) return;
	FUZZ_MUST(left <= ZMTP_IDENTITY_MAX);
	if (!zmtp_scan(&scan, bytes, left - 1, &news)) return;
	FUZZ_MUST(zmtp_identity_left(&scan) > 0 && !scan.ready);
	FUZZ_MUST(news.frames == 0 && news.subscriptions == 0);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
	struct zmtp_scan one = {0}, two = {0};
	struct zmtp_news all, news, sum = {0};
	if (size == 0) return 0;
	size_t n = size - 1, cut = n ? data[0] * n / 256 : 0;
	bool good = zmtp_scan(&one, data + 1, n, &all);
	bool first = zmtp_scan(&two, data + 1, cut, &news);
	add(&sum, &news);
	if (first) check_identity(two, data + 1 + cut, n - cut);
	bool second = first && zmtp_scan(&two, data + 1 + cut, n - cut, &news);
	if (first) add(&sum, &news);
	FUZZ_MUST(good == second);
	FUZZ_MUST(memcmp(&sum, &all, sizeof sum) == 0);
	FUZZ_MUST(!good || one.frames == two.frames);
	return 0;
}
