/* Stores outlive programs: these bytes are what version 2 writes, for good. A change here means a
 * new STATE_VERSION, and reading of the old one. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#include "base/hex.h"
#include "proto/state.h"

#define SIZE 1024

static void assert_bytes(const struct writer *w, const char *expected) {
	char text[2 * SIZE + 1];
	assert_false(w->failed);
	struct view v = writer_view(w);
	hex_encode((const uint8_t *)v.ptr, v.len, text);
	assert_string_equal(text, expected);
}

static struct subscription a_subscription(void) {
	return (struct subscription){.id = VIEW("sub_1"),
				     .customer = VIEW("cus_1"),
				     .subject = VIEW("u1"),
				     .latest_invoice = VIEW("in_1"),
				     .schedule = VIEW("sub_sched_1"),
				     .status = SUB_ACTIVE,
				     .created = 1700000000,
				     .period_start = 1700000000,
				     .period_end = 1702592000,
				     .cancel_at_period_end = true,
				     .items = {.count = 2,
					       .items = {{VIEW("price_a"), VIEW("prod_a"), VIEW("key_a"), 1},
							 {VIEW("price_b"), VIEW("prod_b"), VIEW_NONE, 300}}}};
}

static void test_sub_register(void **state) {
	static struct sub_register r;
	uint8_t buffer[SIZE];
	struct writer w = writer_of(buffer, sizeof buffer);
	(void)state;
	r.latest_count = 2;
	r.latest[0] = (struct sub_seen){.stamp = {1700000009, RANK_DELETED, VIEW("evt_2")},
					.post = 0x0102030405060708,
					.sub = a_subscription()};
	r.latest[0].sub.status = SUB_CANCELED;
	r.latest[0].sub.canceled_at = r.latest[0].sub.ended_at = 1700000008;
	r.latest[1] = (struct sub_seen){.stamp = {1700000009, RANK_UPDATED, VIEW("evt_1")},
					.has_pre = true,
					.pre = 1,
					.post = 2,
					.sub = a_subscription()};
	r.latest[1].sub.trial_end = r.latest[1].sub.cancel_at = 1702592000;
	r.latest[1].sub.collection_paused = true;
	r.latest[1].sub.subject = VIEW("u2");
	r.has_ended = true;
	r.ended = r.latest[0];
	r.price_count = 2;
	r.prices[0] = (struct price_set_seen){1700000009, a_subscription().items};
	r.prices[1] = (struct price_set_seen){1690000000, {.count = 1, .items = {{.price = VIEW("price_c")}}}};
	r.unpaid_count = 1;
	r.unpaid[0] = (struct unpaid_seen){1690000000, 1690000100};
	r.good = 1700000001;
	sub_register_write(&w, &r);
	assert_bytes(&w, "022228e11092c49fd50c056576745f320102030405060708056375735f3102753104696e5f310b7375625f7363686"
			 "5645f31110080b4bc02010100020770726963655f610670726f645f61056b65795f610770726963655f620670726f"
			 "645f620001ac02149f0d00056576745f3100000000000000010000000000000002027532110080b4bc0200000101a"
			 "c0212000191dac40900010770726963655f630000c9d8c409c7010f");
}

static void test_customer_register(void **state) {
	const struct customer_register r = {.claim_count = 2,
					    .claims = {{VIEW("u2"), true, true, 1700000001, VIEW("evt_2")},
						       {VIEW("u1"), false, false, 1700000000, VIEW("evt_1")}},
					    .has_standing = true,
					    .standing = VIEW("u2"),
					    .standing_at = 1700000005,
					    .deleted = true,
					    .deleted_at = 1700000002,
					    .deleted_event = VIEW("evt_3")};
	const struct customer_register empty = {0};
	uint8_t buffer[SIZE];
	struct writer w = writer_of(buffer, sizeof buffer);
	(void)state;
	customer_register_write(&w, &r);
	assert_bytes(&w, "02320275320382c49fd50c056576745f320275310001056576745f310802753284c49fd50c056576745f33");
	w = writer_of(buffer, sizeof buffer);
	customer_register_write(&w, &empty);
	assert_bytes(&w, "0200");
}

static void test_invoice_register(void **state) {
	const struct invoice_register r = {.known = true,
					   .stamp = {1700000000, RANK_UPDATED, VIEW("evt_1")},
					   .invoice = {.id = VIEW("in_1"),
						       .customer = VIEW("cus_1"),
						       .subscription = VIEW("sub_1"),
						       .currency = VIEW("eur"),
						       .status = INVOICE_PAID,
						       .amount_due = 2900,
						       .amount_remaining = -1,
						       .attempt_count = 2,
						       .next_payment_attempt = 0,
						       .period_start = 1700000000,
						       .period_end = 1702592000,
						       .payment = VIEW("pi_1")}};
	uint8_t buffer[SIZE];
	struct writer w = writer_of(buffer, sizeof buffer);
	(void)state;
	invoice_register_write(&w, &r);
	assert_bytes(
		&w, "021580c49fd50c056576745f31056375735f31057375625f3103657572a82d0104ffc39fd50c0080b4bc020470695f31");
}

static void test_schedule_register(void **state) {
	const struct schedule_register r = {
		.known = true,
		.unconfirmed = true,
		.stamp = {1700000000, RANK_UPDATED, VIEW("evt_1")},
		.schedule = {.id = VIEW("sub_sched_1"),
			     .customer = VIEW("cus_1"),
			     .subscription = VIEW("sub_1"),
			     .status = SCHEDULE_ACTIVE,
			     .ends_subscription = true,
			     .phase_count = 2,
			     .phases = {{1700000000,
					 1702592000,
					 {.count = 1, .items = {{.price = VIEW("price_a"), .quantity = 1}}}},
					{1702592000,
					 1705270400,
					 {.count = 1, .items = {{.price = VIEW("price_a"), .quantity = 2}}}}}}};
	uint8_t buffer[SIZE];
	struct writer w = writer_of(buffer, sizeof buffer);
	(void)state;
	schedule_register_write(&w, &r);
	assert_bytes(&w, "02d280c49fd50c056576745f31056375735f31057375625f31020080b4bc0200010770726963655f6100000180b4b"
			 "c0280fac6020102");
}

static void test_payment_register(void **state) {
	const struct payment_register r = {
		.invoice = VIEW("in_1"),
		.customer = VIEW("cus_1"),
		.amount = 2900,
		.has_charge = true,
		.charge_seen = 1700000000,
		.refunded = 900,
		.charge_event = VIEW("evt_1"),
		.reversal_count = 2,
		.reversals = {{{VIEW("dp_1"), DISPUTE_LOST, 2900}, 1700000001, VIEW("evt_2")},
			      {{VIEW("re_1"), REFUND_PENDING, 900}, 1700000000, VIEW("evt_1")}}};
	uint8_t buffer[SIZE];
	struct writer w = writer_of(buffer, sizeof buffer);
	(void)state;
	payment_register_write(&w, &r);
	assert_bytes(&w, "021204696e5f31056375735f31a82d80c49fd50c880e056576745f310464705f3107a82d82c49fd50c056576745f3"
			 "20472655f3101880e80c49fd50c056576745f31");
}

static void test_override_register(void **state) {
	const struct override_register r = {.granted = true,
					    .stamp = {1700000000, RANK_UPDATED, VIEW("ovr_1_g")},
					    .given = {.id = VIEW("ovr_1"),
						      .subject = VIEW("u1"),
						      .tier = VIEW("pro"),
						      .from = 0,
						      .until = 1702592000,
						      .why = VIEW("a gift"),
						      .by = VIEW("ops")},
					    .revoked = true,
					    .subject = VIEW("u1"),
					    .revoked_stamp = {1700000100, RANK_UPDATED, VIEW("ovr_1_r")},
					    .revoked_why = VIEW("over"),
					    .revoked_by = VIEW("ops")};
	uint8_t buffer[SIZE];
	struct writer w = writer_of(buffer, sizeof buffer);
	(void)state;
	override_register_write(&w, &r);
	assert_bytes(&w, "021780c49fd50c076f76725f315f670275310370726f0080f8dbd70c06612067696674036f7073c8c59fd50c076f7"
			 "6725f315f72027531046f766572036f7073");
}

static void test_subject_row(void **state) {
	const struct grant g = {.subscription = VIEW("sub_1"),
				.event = VIEW("evt_1"),
				.status = SUB_PAST_DUE,
				.cancel_at_period_end = true,
				.customer_deleted = true,
				.created = 1690000000,
				.seen = 1700000000,
				.period_start = 1699000000,
				.period_end = 1702592000,
				.cancel_at = 1702592000,
				.unpaid_since = 1699000000,
				.items = a_subscription().items,
				.earlier_count = 1,
				.earlier = {{1690000000, {.count = 1, .items = {{.lookup_key = VIEW("key_c")}}}}},
				.disputed = true,
				.refunded_until = 1702592000,
				.dispute_lost_until = 1702592001,
				.reversal_event = VIEW("evt_9"),
				.phase_count = 1,
				.phases = {{1702592002, a_subscription().items}},
				.schedule_ends = 1710000000};
	const struct override o = {VIEW("ovr_1"), VIEW("pro"), 0, 1702592000, VIEW("ovr_1_g"), 1700000000};
	uint8_t buffer[SIZE];
	struct writer w = writer_of(buffer, sizeof buffer);
	(void)state;
	subject_row_begin(&w, 300, 1);
	subject_row_grant(&w, &g);
	subject_row_overrides(&w, 1);
	subject_row_override(&w, &o);
	assert_bytes(
		&w, "02ac020105d1fe01057375625f31056576745f3180c49fd50cffd9c40980d1ca0880bdb60300ff887a0002077072696365"
		    "5f610670726f645f61056b65795f610770726963655f620670726f645f620001ac0201ffd9c40900010000056b65795f63"
		    "0002056576745f3980a6880701040101ac0201056f76725f310370726f0080f8dbd70c80c49fd50c076f76725f315f67");
}

static void test_change(void **state) {
	const struct change c = {.ver = 5,
				 .prev = 300,
				 .at_ms = 1700000000123,
				 .cause = CHANGE_CATALOG,
				 .scope = {true, VIEW("acct_1")},
				 .subject = VIEW("u1"),
				 .event = VIEW("evt_1"),
				 .before = VIEW("free"),
				 .after = VIEW("pro"),
				 .reason = REASON_CANCELING,
				 .rule = RULE_CANCELING,
				 .status = SUB_ACTIVE,
				 .until = 1702592000,
				 .changes_at = 1702592001,
				 .next_billing = 1702592002,
				 .seats = 300,
				 .known = true,
				 .unmapped = true,
				 .blocked_tier = VIEW("institutional"),
				 .blocked_reason = REASON_PAST_DUE,
				 .subscription = VIEW("sub_1"),
				 .also_count = 1,
				 .also = {VIEW("pro")}};
	uint8_t buffer[SIZE];
	struct writer w = writer_of(buffer, sizeof buffer);
	(void)state;
	change_write(&w, &c);
	assert_bytes(&w, "02ac02f6a1abfef962020106616363745f31027531056576745f3104667265650370726f05030480f8dbd70c82f8d"
			 "bd70cac0284f8dbd70c050d696e737469747574696f6e616c09057375625f31010370726f");
}

static void test_quarantined(void **state) {
	const struct quarantined q = {.first_ms = 1700000000123,
				      .last_ms = 1700000000456,
				      .tries = 2,
				      .event = VIEW("evt_1"),
				      .type = VIEW("customer.created"),
				      .reason = VIEW("malformed: x"),
				      .record = VIEW("TGR1")};
	uint8_t buffer[SIZE];
	struct writer w = writer_of(buffer, sizeof buffer);
	(void)state;
	quarantined_write(&w, &q);
	assert_bytes(&w, "02f6a1abfef96290a7abfef96202056576745f3110637573746f6d65722e637265617465640c6d616c666f726d656"
			 "43a20780454475231");
}

static void test_unmapped(void **state) {
	const struct unmapped_price u = {.first_ms = 1700000000123,
					 .last_ms = 1700000000456,
					 .seen = 2,
					 .product = VIEW("prod_1"),
					 .lookup_key = VIEW("key_1"),
					 .subscription = VIEW("sub_1"),
					 .event = VIEW("evt_1")};
	uint8_t buffer[SIZE];
	struct writer w = writer_of(buffer, sizeof buffer);
	(void)state;
	unmapped_write(&w, &u);
	assert_bytes(&w, "02f6a1abfef96290a7abfef962020670726f645f31056b65795f31057375625f31056576745f31");
}

static void test_want(void **state) {
	const struct want x = {
		.since_ms = 1700000000123, .after = 1700000000, .event = VIEW("evt_1"), .why = WANT_LINK};
	uint8_t buffer[SIZE];
	struct writer w = writer_of(buffer, sizeof buffer);
	(void)state;
	want_write(&w, &x);
	assert_bytes(&w, "02f6a1abfef96280c49fd50c056576745f3103");
}

static void test_keys(void **state) {
	const struct scope platform = {0}, connected = {true, VIEW("acct_1")};
	uint8_t key[STATE_KEY_MAX];
	char text[2 * STATE_KEY_MAX + 1];
	(void)state;
	hex_encode(key, state_key(&platform, VIEW("sub_1"), key), text);
	assert_string_equal(text, "54007375625f31");
	hex_encode(key, state_key_pair(&connected, VIEW("u1"), VIEW("cus_1"), key), text);
	assert_string_equal(text, "4c06616363745f310275316375735f31");
	hex_encode(key, want_key(&connected, &(struct fetch){FETCH_SCHEDULE, VIEW("sub_sched_1")}, key), text);
	assert_string_equal(text, "4c06616363745f31067375625f73636865645f31");
}

int main(void) {
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_sub_register),     cmocka_unit_test(test_customer_register),
		cmocka_unit_test(test_invoice_register), cmocka_unit_test(test_schedule_register),
		cmocka_unit_test(test_payment_register), cmocka_unit_test(test_override_register),
		cmocka_unit_test(test_subject_row),      cmocka_unit_test(test_change),
		cmocka_unit_test(test_unmapped),         cmocka_unit_test(test_want),
		cmocka_unit_test(test_quarantined),      cmocka_unit_test(test_keys),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
