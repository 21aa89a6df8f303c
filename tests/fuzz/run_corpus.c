/* Runs a fuzz target over the files of its corpus, and over every prefix of the small ones. Each input is in an
 * allocation of its exact size, so that the address sanitizer sees a read past its end. */
#include <dirent.h>
#include <string.h>

#include "fuzz.h"

#define INPUT_MAX (2 * 1024 * 1024)
#define PREFIXES_MAX 4096 /* bytes of a file whose prefixes are tried as well */

static void run(const uint8_t *bytes, size_t size) {
	uint8_t *copy = malloc(size ? size : 1);
	FUZZ_MUST(copy != NULL);
	memcpy(copy, bytes, size);
	(void)LLVMFuzzerTestOneInput(copy, size);
	free(copy);
}

static void run_file(const char *path, uint8_t *buffer) {
	FILE *f = fopen(path, "rb");
	FUZZ_MUST(f != NULL);
	size_t size = fread(buffer, 1, INPUT_MAX, f);
	FUZZ_MUST(feof(f) || size < INPUT_MAX);
	(void)fclose(f);
	run(buffer, size);
	for (size_t cut = 0; size <= PREFIXES_MAX && cut < size; cut++) run(buffer, cut);
}

static unsigned run_directory(const char *dir, uint8_t *buffer) {
	DIR *d = opendir(dir);
	if (!d) return 0;
	unsigned n = 0;
	const struct dirent *entry;
	while ((entry = readdir(d))) {
		char path[4096];
		if (entry->d_name[0] == '.') continue;
		FUZZ_MUST(snprintf(path, sizeof path, "%s/%s", dir, entry->d_name) < (int)sizeof path);
		run_file(path, buffer);
		n++;
	}
	(void)closedir(d);
	return n;
}

int main(int argc, char **argv) {
	uint8_t *buffer = malloc(INPUT_MAX + 1);
	if (argc != 2 || !buffer) return EXIT_FAILURE;
	unsigned n = run_directory(argv[1], buffer);
	free(buffer);
	/* a corpus that is not there would make a test that cannot fail */
	(void)printf("%u files\n", n);
	return n > 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}
