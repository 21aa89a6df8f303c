/* The verdict on one delivery: is it Stripe's, is it an event, and may it come under that secret?
 * Pure: no clock, socket or file. */
#ifndef INGRESS_WEBHOOK_H
#define INGRESS_WEBHOOK_H

#include "net/webhook_secrets.h"
#include "proto/record.h"

struct webhook_delivery {
	unsigned signature_count; /* how many Stripe-Signature headers there were */
	struct view signature;    /* the first one's value */
	struct view body;
	int64_t received_ms; /* wall clock; what the signature's time is judged by */
};

/* On success *ret_record is all but origin and seq, its views are in the body and the secrets, and *ret_secret is the
 * index of the secret that matched (also known, and counted, when the event may not come under it).
 *
 * The order is a part of the contract: nothing is read out of a body that no secret has signed.
 *   ERR_NO_SIGNATURE   no header             ERR_BAD_HEADER    malformed, or more than one header
 *   ERR_BAD_SIGNATURE  no secret matches     ERR_STALE, ERR_FUTURE  signed too long ago, or ahead of now
 *   ERR_NOT_EVENT      the body              ERR_WRONG_MODE, ERR_WRONG_ACCOUNT  not under that secret
 *   ERR_MEMORY         nothing is known: try again */
NODISCARD enum error webhook_judge(const struct webhook_secrets *secrets, const struct webhook_delivery *d,
				   struct record *ret_record, int *ret_secret, struct problem *why);

#endif
