/* Every bound of the project, in one place, each with its reason. */
#ifndef BASE_LIMITS_H
#define BASE_LIMITS_H

/* identifiers; together they keep every LMDB key under its 511 bytes */
#define SUBJECT_MAX 255     /* the platform's own user id, bytes */
#define STRIPE_ID_MAX 128   /* evt_, sub_, cus_, in_, price_ … ids; Stripe says 255 but uses under 100 */
#define ACCOUNT_MAX 64      /* Connect account, acct_… */
#define NAME_MAX_BYTES 80   /* a tier's, feature's or event type's name; lookup keys too */
#define LOOKUP_KEY_MAX 200  /* Stripe's limit on price.lookup_key */
#define EVENT_TYPE_MAX 128  /* an event's type */
#define API_VERSION_MAX 64  /* "2025-03-31.basil" */
#define CURRENCY_MAX 8      /* "usd"; ISO 4217 has three letters */
#define SECRET_LABEL_MAX 64 /* the operator's name of a webhook secret */

/* a subscription */
#define ITEMS_MAX 20 /* Stripe's limit of items in one subscription */

/* webhooks */
#define EVENT_BODY_MAX (1024 * 1024)
#define SIGNATURE_HEADER_MAX 4096
#define SIGNATURE_TOLERANCE_S 300 /* Stripe's own clients' default */
#define JSON_DEPTH_MAX 64

/* TG01, the tier check protocol */
#define TG01_MESSAGE_MAX (64 * 1024)
#define TG01_BATCH_MAX 128
#define TG01_DEPTH_MAX 8

/* the journal's stream */
#define STREAM_REPLAY_RECORDS_MAX 1024            /* records in one replay reply */
#define STREAM_REPLAY_BYTES_MAX (4 * 1024 * 1024) /* and its bytes; one record always fits */
#define RECORD_MAX (EVENT_BODY_MAX + 4096)

#endif
