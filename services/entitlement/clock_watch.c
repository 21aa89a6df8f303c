#include "clock_watch.h"

bool clock_watch_back(struct clock_watch *c, int64_t wall_ms, int64_t mono_ms) {
	int64_t ahead_ms = wall_ms - mono_ms;
	bool back = c->known && c->ahead_ms - ahead_ms > CLOCK_BACK_MS;
	if (!c->known || back || ahead_ms > c->ahead_ms) c->ahead_ms = ahead_ms;
	c->known = true;
	return back;
}
