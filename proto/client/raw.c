#include "raw.h"
#include "private.h"

#include <stdio.h>

enum tg_status tgc_ask_raw(struct tg_client *c, const struct tg01_request *question,
			   void (*take)(void *ctx, const struct tg01_reply *reply), void *ctx, enum tg_error *ret_error,
			   char why[TG_WHY_SIZE]) {
	struct request r = {.kind = ASK_RAW,
			    .only = -1,
			    .timeout_ms = c->settings.timeout_ms,
			    .raw = question,
			    .take = take,
			    .take_ctx = ctx};
	tgc_ask(c, &r);
	*ret_error = r.error;
	(void)snprintf(why, TG_WHY_SIZE, "%s", r.why);
	return r.status;
}
