/* What one small synced write costs on the disk of a directory: the floor under every durable answer.
 *
 *   bench_fsync_probe DIR
 *
 * Prints one JSON object. */
#define _DEFAULT_SOURCE
#include "samples.h"
#include <fcntl.h>
#include <stdio.h>
#include <unistd.h>

#define WRITES 400

int main(int argc, char **argv) {
	static char page[4096];
	char path[4096];
	struct samples s = {0};
	if (argc != 2) return 64;
	snprintf(path, sizeof path, "%s/fsync-probe", argv[1]);
	int fd = open(path, O_CREAT | O_RDWR | O_TRUNC, 0600);
	if (fd < 0 || unlink(path) != 0) {
		perror(path);
		return 74;
	}
	for (int i = 0; i < WRITES; i++) {
		page[0] = (char)i;
		int64_t start = now_ns();
		if (pwrite(fd, page, sizeof page, (off_t)(i % 64) * 4096) != sizeof page || fdatasync(fd) != 0)
			return 74;
		samples_add(&s, now_ns() - start);
	}
	printf("{\"fdatasync_ms_p50\": %.3f, \"fdatasync_ms_p99\": %.3f}\n", samples_percentile(&s, 0.5) / 1e3,
	       samples_percentile(&s, 0.99) / 1e3);
	return 0;
}
