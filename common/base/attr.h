/* Compiler attributes under short names, and the one clean-up idiom. */
#ifndef BASE_ATTR_H
#define BASE_ATTR_H

#define NODISCARD __attribute__((warn_unused_result))
#define PRINTF_LIKE(fmt, args) __attribute__((format(printf, fmt, args)))
#define NONNULL __attribute__((nonnull))

/* AUTO(journal_destroy) struct journal *j = NULL;
 * calls journal_destroy(&j) when j leaves its scope, on every path. The
 * function takes a pointer to the variable and must accept an empty one. */
#define AUTO(destroy) __attribute__((cleanup(destroy)))

#define ARRAY_LEN(a) (sizeof(a) / sizeof((a)[0]))

#endif
