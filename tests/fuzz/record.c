/* Law: a record that is read is written again as the same bytes. */
#include "proto/record.h"

#include <string.h>

#include "fuzz.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
	struct record r;
	if (record_read(view_of(data, size), &r) != OK) return 0;
	FUZZ_MUST(record_size(&r) == size);
	uint8_t *out = malloc(size);
	if (!out) return 0;
	struct writer w = writer_of(out, size);
	record_write(&w, &r);
	FUZZ_MUST(writer_view(&w).len == size && memcmp(out, data, size) == 0);
	free(out);
	return 0;
}
