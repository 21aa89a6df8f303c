/* For this house's own command: any request of TG01 through libtiergate, with the reply as it came. Not exported by the
 * shared library. */
#ifndef CLIENT_RAW_H
#define CLIENT_RAW_H

#include "proto/tg01.h"
#include "tiergate.h"

/* Asks the nearest server and waits. `take` is called by the client's thread with the reply, also when that is a
 * refusal; views in it live until `take` returns. The request's id is ignored.
 * TG_OK: `take` was called. TG_FALLBACK: it was not, and *ret_error and why say what was wrong. */
enum tg_status tgc_ask_raw(struct tg_client *c, const struct tg01_request *question,
			   void (*take)(void *ctx, const struct tg01_reply *reply), void *ctx, enum tg_error *ret_error,
			   char why[TG_WHY_SIZE]);

#endif
