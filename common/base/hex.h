/* Hexadecimal, lower case when written, either case when read. */
#ifndef BASE_HEX_H
#define BASE_HEX_H

#include "base/attr.h"
#include "base/view.h"

/* Decodes exactly 2 * n digits into out. False, and out untouched, on anything else. */
NODISCARD bool hex_decode(struct view text, uint8_t *out, size_t n);
/* Writes 2 * n digits and a NUL; out has room for 2 * n + 1. */
void hex_encode(const uint8_t *bytes, size_t n, char *out);

#endif
