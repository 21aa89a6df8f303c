/* UTF-8, as RFC 3629 has it: no overlong forms, no surrogates, nothing above U+10FFFF. */
#ifndef BASE_UTF8_H
#define BASE_UTF8_H

#include "base/attr.h"
#include "base/view.h"

NODISCARD bool utf8_valid(struct view v);

#endif
