/* A file of keys. The first byte says which kind it is read as. Law: a key that is accepted is one of libzmq's. */
#include "net/curve_keys.h"

#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>
#include <zmq.h>

#include "fuzz.h"

static void check(const char text[CURVE_TEXT_SIZE]) {
	uint8_t key[CURVE_KEY_SIZE];
	FUZZ_MUST(strnlen(text, CURVE_TEXT_SIZE) == CURVE_TEXT_SIZE - 1);
	FUZZ_MUST(zmq_z85_decode(key, text) != NULL);
}

static void read_file(const char *path, unsigned kind) {
	struct curve_pair pair;
	unsigned rights;
	struct problem why = {0};
	enum error e = kind == 2 ? curve_client_read(path, &pair, &rights, &why)
				 : curve_pair_read(path, kind == 1, &pair, &why);
	if (e) {
		FUZZ_MUST(why.text[0]);
		return;
	}
	check(pair.public_text);
	if (kind == 1) check(pair.secret_text);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
	char path[64];
	if (size == 0) return 0;
	int fd = memfd_create("keys", MFD_CLOEXEC);
	if (fd < 0 || fchmod(fd, 0600) != 0) return 0; /* a secret that others may read is refused */
	(void)snprintf(path, sizeof path, "/proc/self/fd/%d", fd);
	if (write(fd, data + 1, size - 1) == (ssize_t)(size - 1)) read_file(path, data[0] % 3);
	(void)close(fd);
	return 0;
}
