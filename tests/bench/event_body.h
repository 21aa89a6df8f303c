/* Webhook bodies for load: a real subscription event's shape, padded to a size, with places to patch. */
#ifndef BENCH_EVENT_BODY_H
#define BENCH_EVENT_BODY_H

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#define EVENT_BODY_SIZE 65536

/* Event `n` of `total_bytes` at least (a pad in metadata makes it so): subscription n of customer n, whose metadata
 * names subject "user_<n>". The event's id, the customer and the subscription are made of n and `salt`. */
static inline size_t event_body(char out[EVENT_BODY_SIZE], uint64_t n, const char *salt, int64_t created,
				size_t total_bytes, const char *price) {
	static const char shape[] =
		"{\"id\":\"evt_%s%012" PRIu64 "\",\"object\":\"event\",\"api_version\":\"2025-09-30.clover\","
		"\"created\":%" PRId64 ",\"data\":{\"object\":{\"id\":\"sub_%s%012" PRIu64
		"\",\"object\":\"subscription\","
		"\"application\":null,\"automatic_tax\":{\"disabled_reason\":null,\"enabled\":false,\"liability\":null}"
		","
		"\"billing_cycle_anchor\":%" PRId64 ",\"cancel_at\":null,\"cancel_at_period_end\":false,"
		"\"canceled_at\":null,\"collection_method\":\"charge_automatically\",\"created\":%" PRId64 ","
		"\"currency\":\"usd\",\"customer\":\"cus_%s%012" PRIu64 "\",\"days_until_due\":null,"
		"\"default_payment_method\":null,\"description\":null,\"discounts\":[],\"ended_at\":null,"
		"\"items\":{\"object\":\"list\",\"data\":[{\"id\":\"si_%s%012" PRIu64
		"\",\"object\":\"subscription_item\","
		"\"created\":%" PRId64 ",\"current_period_start\":%" PRId64 ",\"current_period_end\":%" PRId64 ","
		"\"metadata\":{},\"price\":{\"id\":\"%s\",\"object\":\"price\",\"active\":true,"
		"\"billing_scheme\":\"per_unit\",\"currency\":\"usd\",\"livemode\":false,\"lookup_key\":null,"
		"\"metadata\":{},\"nickname\":null,\"product\":\"prod_bench\",\"recurring\":{\"interval\":\"month\","
		"\"interval_count\":1,\"usage_type\":\"licensed\"},\"type\":\"recurring\",\"unit_amount\":2000,"
		"\"unit_amount_decimal\":\"2000\"},\"quantity\":1}],\"has_more\":false,\"total_count\":1,"
		"\"url\":\"/v1/subscription_items\"},\"latest_invoice\":\"in_%s%012" PRIu64 "\",\"livemode\":false,"
		"\"metadata\":{\"user_id\":\"user_%s%" PRIu64 "\",\"pad\":\"";
	static const char tail[] = "\"},\"pause_collection\":null,\"pending_update\":null,\"schedule\":null,"
				   "\"start_date\":1700000000,\"status\":\"active\",\"trial_end\":null,"
				   "\"trial_start\":null},\"previous_attributes\":null},\"livemode\":false,"
				   "\"pending_webhooks\":1,\"request\":{\"id\":null,\"idempotency_key\":null},"
				   "\"type\":\"customer.subscription.created\"}";
	int head = snprintf(out, EVENT_BODY_SIZE, shape, salt, n, created, salt, n, created, created, salt, n, salt, n,
			    created, created, created + 2592000, price, salt, n, salt, n);
	size_t len = (size_t)head;
	while (len + sizeof tail - 1 < total_bytes) out[len++] = 'x';
	memcpy(out + len, tail, sizeof tail);
	return len + sizeof tail - 1;
}

#endif
