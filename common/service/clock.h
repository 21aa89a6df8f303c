/* Time. The wall clock may jump: use it for what is stored or shown, and the monotonic one for waiting. */
#ifndef SERVICE_CLOCK_H
#define SERVICE_CLOCK_H

#include <stdint.h>

int64_t wall_ms(void); /* since 1970 */
int64_t wall_s(void);
int64_t mono_ms(void); /* since some moment before the process started; never goes back */
int64_t mono_us(void);

#endif
