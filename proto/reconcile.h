/* The reconciler's socket: what others ask of the one process that reads Stripe's API.
 *
 *   RECONCILER  ROUTER  ["TGR1"][msgpack reconcile_request] → ["TGR1"][msgpack reconcile_reply]+
 *
 *   pass     {op, id, dry, full}  a pass now: events since the last one, then the sweep. dry: appends nothing. full:
 * appends a snapshot of every object, whether it differs or not (for `tiergate rebuild`). Replies: {id, found: {…}} for
 * each difference as it is found, and last {id, done: {…}}. session  {op, id, mode, acct?, session}  a checkout session
 * that is said to be paid: fetches it, its subscription and its customer now, before all else, and appends them. {id,
 * done: {…}} when they are in the journal. fetch    {op, id, mode, acct?, fetch, of}  one object, as a want would be.
 *   status   {op, id} → {id, status: {…}}
 *   error    {id, err: {code, msg, retry}}: codes of proto/stream.h, and no_api_key, api_refused, api_unreachable, busy
 *
 * Rules of the maps, and errors of the readers, as in proto/stream.h. The socket is local to an installation.
 */
#ifndef PROTO_RECONCILE_H
#define PROTO_RECONCILE_H

#include "proto/stream.h"

#define RECONCILE_VERSION "TGR1"
#define RECONCILE_MESSAGE_MAX 8192 /* bytes of any map */

#endif
