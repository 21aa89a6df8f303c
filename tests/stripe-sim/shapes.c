#include "shapes.h"

/* these are JSON, turned into texts by the preprocessor */
/* clang-format off */
#define JSON(...) #__VA_ARGS__

static const char account[] = JSON({
	"id": null, "object": "account", "business_type": null, "capabilities": {"card_payments": "active",
		"transfers": "active"}, "charges_enabled": true, "country": "US", "created": 0, "default_currency": "usd",
	"details_submitted": true, "email": null, "metadata": {}, "payouts_enabled": true, "type": "standard"});

static const char customer[] = JSON({
	"id": null, "object": "customer", "address": null, "balance": 0, "created": 0, "currency": null,
	"customer_account": null, "default_source": null, "delinquent": false, "description": null, "discount": null,
	"email": null, "invoice_prefix": "SIM00001",
	"invoice_settings": {"custom_fields": null, "default_payment_method": null, "footer": null,
		"rendering_options": null}, "livemode": false, "metadata": {}, "name": null, "next_invoice_sequence": 1,
	"phone": null, "preferred_locales": [], "shipping": null, "tax_exempt": "none", "test_clock": null});

static const char product[] = JSON({
	"id": null, "object": "product", "active": true, "created": 0, "default_price": null, "description": null,
	"images": [], "livemode": false, "marketing_features": [], "metadata": {}, "name": null,
	"package_dimensions": null, "shippable": null, "statement_descriptor": null, "tax_code": null, "type": "service",
	"unit_label": null, "updated": 0, "url": null});

static const char price[] = JSON({
	"id": null, "object": "price", "active": true, "billing_scheme": "per_unit", "created": 0, "currency": "usd",
	"custom_unit_amount": null, "livemode": false, "lookup_key": null, "metadata": {}, "nickname": null,
	"product": null, "recurring": null, "tax_behavior": "unspecified", "tiers_mode": null, "transform_quantity": null,
	"type": "one_time", "unit_amount": null, "unit_amount_decimal": null});

const char shape_plan[] = JSON({
	"id": null, "object": "plan", "active": true, "amount": null, "amount_decimal": null,
	"billing_scheme": "per_unit", "created": 0, "currency": "usd", "interval": "month", "interval_count": 1,
	"livemode": false, "metadata": {}, "meter": null, "nickname": null, "product": null, "tiers_mode": null,
	"transform_usage": null, "trial_period_days": null, "usage_type": "licensed"});

static const char session[] = JSON({
	"id": null, "object": "checkout.session", "adaptive_pricing": {"enabled": false}, "after_expiration": null,
	"allow_promotion_codes": null, "amount_subtotal": 0, "amount_total": 0,
	"automatic_tax": {"enabled": false, "liability": null, "provider": null, "status": null},
	"billing_address_collection": null, "cancel_url": null, "client_reference_id": null, "client_secret": null,
	"collected_information": null, "consent": null, "consent_collection": null, "created": 0, "currency": "usd",
	"currency_conversion": null, "custom_fields": [], "custom_text": {"after_submit": null, "shipping_address": null,
		"submit": null, "terms_of_service_acceptance": null}, "customer": null, "customer_account": null,
	"customer_creation": null, "customer_details": null, "customer_email": null, "discounts": [], "expires_at": 0,
	"integration_identifier": null, "invoice": null, "invoice_creation": null, "livemode": false, "locale": null,
	"managed_payments": {"enabled": false}, "metadata": {}, "mode": "subscription", "origin_context": null,
	"payment_intent": null, "payment_link": null, "payment_method_collection": "always",
	"payment_method_configuration_details": null, "payment_method_options": {"card": {"request_three_d_secure":
		"automatic"}}, "payment_method_types": ["card"], "payment_status": "unpaid", "permissions": null,
	"phone_number_collection": {"enabled": false}, "recovered_from": null, "saved_payment_method_options": null,
	"setup_intent": null, "shipping_address_collection": null, "shipping_cost": null, "shipping_options": [],
	"status": "open", "submit_type": null, "subscription": null, "success_url": null,
	"total_details": {"amount_discount": 0, "amount_shipping": 0, "amount_tax": 0}, "ui_mode": "hosted", "url": null,
	"wallet_options": null});

const char shape_session_item[] = JSON({
	"id": null, "object": "item", "adjustable_quantity": null, "amount_discount": 0, "amount_subtotal": 0,
	"amount_tax": 0, "amount_total": 0, "currency": "usd", "description": null, "metadata": {}, "price": null,
	"quantity": 1});

static const char subscription[] = JSON({
	"id": null, "object": "subscription", "application": null, "application_fee_percent": null,
	"automatic_tax": {"disabled_reason": null, "enabled": false, "liability": null}, "billing_cycle_anchor": 0,
	"billing_cycle_anchor_config": null, "billing_mode": {"flexible": {"proration_discounts": "included"},
		"type": "flexible"}, "billing_schedules": [], "billing_thresholds": null, "cancel_at": null,
	"cancel_at_period_end": false, "canceled_at": null, "cancellation_details": {"comment": null, "feedback": null,
		"reason": null}, "collection_method": "charge_automatically", "created": 0, "currency": "usd",
	"customer": null, "customer_account": null, "days_until_due": null, "default_payment_method": null,
	"default_source": null, "default_tax_rates": [], "description": null, "discounts": [], "ended_at": null,
	"invoice_settings": {"account_tax_ids": null, "custom_fields": null, "description": null, "footer": null,
		"issuer": {"type": "self"}},
	"items": {"object": "list", "data": [], "has_more": false, "url": null}, "latest_invoice": null,
	"livemode": false, "managed_payments": {"enabled": false}, "metadata": {},
	"next_pending_invoice_item_invoice": null, "on_behalf_of": null, "pause_collection": null,
	"payment_settings": {"payment_method_options": null, "payment_method_types": null,
		"save_default_payment_method": "off"}, "pending_invoice_item_interval": null, "pending_setup_intent": null,
	"pending_update": null, "schedule": null, "start_date": 0, "status": "incomplete", "status_details": null,
	"test_clock": null, "transfer_data": null, "trial_end": null,
	"trial_settings": {"end_behavior": {"missing_payment_method": "create_invoice"}}, "trial_start": null});

const char shape_item[] = JSON({
	"id": null, "object": "subscription_item", "billing_thresholds": null, "created": 0, "current_period_end": 0,
	"current_period_start": 0, "discounts": [], "metadata": {}, "plan": null, "price": null, "quantity": 1,
	"subscription": null, "tax_rates": []});

static const char schedule[] = JSON({
	"id": null, "object": "subscription_schedule", "application": null, "billing_mode": {"flexible":
		{"proration_discounts": "included"}, "type": "flexible"}, "canceled_at": null, "completed_at": null,
	"created": 0, "current_phase": null, "customer": null, "customer_account": null,
	"default_settings": {"application_fee_percent": null, "automatic_tax": {"disabled_reason": null, "enabled": false,
		"liability": null}, "billing_cycle_anchor": "automatic", "billing_thresholds": null,
		"collection_method": "charge_automatically", "default_payment_method": null, "description": null,
		"invoice_settings": {"account_tax_ids": null, "custom_fields": null, "days_until_due": null, "description": null,
			"footer": null, "issuer": {"type": "self"}}, "on_behalf_of": null, "transfer_data": null},
	"end_behavior": "release", "livemode": false, "metadata": {}, "phases": [], "released_at": null,
	"released_subscription": null, "status": "not_started", "subscription": null, "test_clock": null});

const char shape_phase[] = JSON({
	"add_invoice_items": [], "application_fee_percent": null, "billing_cycle_anchor": null,
	"billing_thresholds": null, "collection_method": null, "currency": "usd", "default_payment_method": null,
	"default_tax_rates": [], "description": null, "discounts": [], "end_date": 0, "invoice_settings": null, "items": [],
	"metadata": {}, "on_behalf_of": null, "proration_behavior": "create_prorations", "start_date": 0,
	"transfer_data": null, "trial_end": null});

static const char invoice[] = JSON({
	"id": null, "object": "invoice", "account_country": "US", "account_name": null, "account_tax_ids": null,
	"amount_due": 0, "amount_overpaid": 0, "amount_paid": 0, "amount_remaining": 0, "amount_shipping": 0,
	"application": null, "attempt_count": 0, "attempted": false, "auto_advance": true,
	"automatic_tax": {"disabled_reason": null, "enabled": false, "liability": null, "provider": null, "status": null},
	"automatically_finalizes_at": null, "billing_reason": "manual", "collection_method": "charge_automatically",
	"created": 0, "currency": "usd", "custom_fields": null, "customer": null, "customer_account": null,
	"customer_address": null, "customer_email": null, "customer_name": null, "customer_phone": null,
	"customer_shipping": null, "customer_tax_exempt": "none", "customer_tax_ids": [], "default_payment_method": null,
	"default_source": null, "default_tax_rates": [], "description": null, "discounts": [], "due_date": null,
	"effective_at": null, "ending_balance": null, "footer": null, "from_invoice": null, "hosted_invoice_url": null,
	"invoice_pdf": null, "issuer": {"type": "self"}, "last_finalization_error": null, "latest_revision": null,
	"lines": {"object": "list", "data": [], "has_more": false, "url": null}, "livemode": false, "metadata": {},
	"next_payment_attempt": null, "number": null, "on_behalf_of": null, "parent": null,
	"payment_settings": {"default_mandate": null, "payment_method_options": null, "payment_method_types": null},
	"period_end": 0, "period_start": 0, "post_payment_credit_notes_amount": 0, "pre_payment_credit_notes_amount": 0,
	"receipt_number": null, "rendering": null, "shipping_cost": null, "shipping_details": null, "starting_balance": 0,
	"statement_descriptor": null, "status": "draft", "status_transitions": {"finalized_at": null,
		"marked_uncollectible_at": null, "paid_at": null, "voided_at": null}, "subtotal": 0,
	"subtotal_excluding_tax": 0, "test_clock": null, "total": 0, "total_discount_amounts": [],
	"total_excluding_tax": 0, "total_pretax_credit_amounts": [], "total_taxes": [], "webhooks_delivered_at": null});

const char shape_line[] = JSON({
	"id": null, "object": "line_item", "amount": 0, "currency": "usd", "description": null, "discount_amounts": [],
	"discountable": true, "discounts": [], "invoice": null, "livemode": false, "metadata": {},
	"parent": {"invoice_item_details": null, "subscription_item_details": {"invoice_item": null, "proration": false,
		"proration_details": {"credited_items": null}, "subscription": null, "subscription_item": null},
		"type": "subscription_item_details"}, "period": {"end": 0, "start": 0}, "pretax_credit_amounts": [],
	"pricing": {"price_details": {"price": null, "product": null}, "type": "price_details",
		"unit_amount_decimal": null}, "quantity": 1, "quantity_decimal": "1", "subscription": null, "subtotal": 0,
	"taxes": []});

static const char portal_session[] = JSON({
	"id": null, "object": "billing_portal.session", "configuration": null, "created": 0, "customer": null,
	"customer_account": null, "flow": null, "livemode": false, "locale": null, "on_behalf_of": null,
	"return_url": null, "url": null});

static const char portal_configuration[] = JSON({
	"id": null, "object": "billing_portal.configuration", "active": true, "application": null,
	"business_profile": {"headline": null, "privacy_policy_url": null, "terms_of_service_url": null}, "created": 0,
	"default_return_url": null, "features": {"customer_update": {"allowed_updates": [], "enabled": false},
		"invoice_history": {"enabled": true}, "payment_method_update": {"enabled": true,
			"payment_method_configuration": null}, "subscription_cancel": {"cancellation_reason": {"enabled": false,
			"options": []}, "enabled": true, "mode": "at_period_end", "proration_behavior": "none"},
		"subscription_update": {"billing_cycle_anchor": null, "default_allowed_updates": ["price"], "enabled": true,
			"products": [], "proration_behavior": "always_invoice", "schedule_at_period_end": {"conditions": []},
			"trial_update_behavior": "end_trial"}}, "is_default": false, "livemode": false,
	"login_page": {"enabled": false, "url": null}, "metadata": {}, "name": null, "updated": 0});

static const char test_clock[] = JSON({
	"id": null, "object": "test_helpers.test_clock", "created": 0, "deletes_after": 0, "frozen_time": 0,
	"livemode": false, "name": null, "status": "ready", "status_details": {}});

static const char webhook_endpoint[] = JSON({
	"id": null, "object": "webhook_endpoint", "api_version": null, "application": null, "created": 0,
	"description": null, "enabled_events": [], "livemode": false, "metadata": {}, "status": "enabled", "url": null});

static const char feature[] = JSON({
	"id": null, "object": "entitlements.feature", "active": true, "livemode": false, "lookup_key": null,
	"metadata": {}, "name": null});

static const char event[] = JSON({
	"id": null, "object": "event", "api_version": "2026-09-30.endive", "created": 0, "livemode": false,
	"pending_webhooks": 0, "request": null, "type": null});
/* clang-format on */

const char *shape_text(enum kind kind) {
	static const char *const texts[K_COUNT] = {
		[K_ACCOUNT] = account,
		[K_CUSTOMER] = customer,
		[K_PRODUCT] = product,
		[K_PRICE] = price,
		[K_PAYMENT_METHOD] = shape_money_method,
		[K_SETUP_INTENT] = shape_money_setup,
		[K_SESSION] = session,
		[K_SUBSCRIPTION] = subscription,
		[K_SCHEDULE] = schedule,
		[K_INVOICE] = invoice,
		[K_INVOICE_PAYMENT] = shape_money_payment,
		[K_PAYMENT_INTENT] = shape_money_intent,
		[K_CHARGE] = shape_money_charge,
		[K_REFUND] = shape_money_refund,
		[K_DISPUTE] = shape_money_dispute,
		[K_PORTAL_SESSION] = portal_session,
		[K_PORTAL_CONFIGURATION] = portal_configuration,
		[K_TEST_CLOCK] = test_clock,
		[K_WEBHOOK_ENDPOINT] = webhook_endpoint,
		[K_FEATURE] = feature,
		[K_EVENT] = event,
	};
	return texts[kind];
}

json_t *shape_parse(const char *text) { return json_loads(text, JSON_REJECT_DUPLICATES, NULL); }

bool shapes_load(json_t *ret_shapes[K_COUNT]) {
	bool ok = true;
	for (unsigned k = 0; k < K_COUNT; k++) {
		ret_shapes[k] = shape_parse(shape_text((enum kind)k));
		ok = ok && ret_shapes[k];
	}
	return ok;
}
