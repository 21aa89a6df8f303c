/* What purity.sh must refuse: a clock. */
#include <time.h>

long impure_now(void);
long impure_now(void) { return (long)time(NULL); }
