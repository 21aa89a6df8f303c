#include "shapes.h"

/* these are JSON, turned into texts by the preprocessor */
/* clang-format off */
#define JSON(...) #__VA_ARGS__

const char shape_money_method[] = JSON({
	"id": null, "object": "payment_method", "allow_redisplay": "unspecified",
	"billing_details": {"address": {"city": null, "country": null, "line1": null, "line2": null, "postal_code": null,
		"state": null}, "email": null, "name": null, "phone": null, "tax_id": null},
	"card": {"brand": "visa", "checks": {"address_line1_check": null, "address_postal_code_check": null,
		"cvc_check": "pass"}, "country": "US", "display_brand": "visa", "exp_month": 12, "exp_year": 2034,
		"fingerprint": "SimulatedCard0001", "funding": "credit", "generated_from": null, "last4": "4242",
		"networks": {"available": ["visa"], "preferred": null}, "regulated_status": "unregulated",
		"three_d_secure_usage": {"supported": true}, "wallet": null},
	"created": 0, "customer": null, "customer_account": null, "livemode": false, "metadata": {}, "type": "card"});

const char shape_money_setup[] = JSON({
	"id": null, "object": "setup_intent", "application": null, "automatic_payment_methods": null,
	"cancellation_reason": null, "client_secret": null, "created": 0, "customer": null, "customer_account": null,
	"description": null, "excluded_payment_method_types": null, "flow_directions": null, "last_setup_error": null,
	"latest_attempt": null, "livemode": false, "mandate": null, "metadata": {}, "next_action": null,
	"on_behalf_of": null, "payment_method": null, "payment_method_configuration_details": null,
	"payment_method_options": {"card": {"mandate_options": null, "network": null, "request_three_d_secure": "automatic"}},
	"payment_method_types": ["card"], "single_use_mandate": null, "status": "requires_payment_method",
	"usage": "off_session"});

const char shape_money_payment[] = JSON({
	"id": null, "object": "invoice_payment", "amount_paid": null, "amount_requested": 0, "created": 0,
	"currency": "usd", "invoice": null, "is_default": true, "livemode": false,
	"payment": {"payment_intent": null, "type": "payment_intent"}, "status": "open",
	"status_transitions": {"canceled_at": null, "paid_at": null}});

const char shape_money_intent[] = JSON({
	"id": null, "object": "payment_intent", "amount": 0, "amount_capturable": 0, "amount_details": {"tip": {}},
	"amount_received": 0, "application": null, "application_fee_amount": null, "automatic_payment_methods": null,
	"canceled_at": null, "cancellation_reason": null, "capture_method": "automatic", "client_secret": null,
	"confirmation_method": "automatic", "created": 0, "currency": "usd", "customer": null, "customer_account": null,
	"description": null, "excluded_payment_method_types": null, "last_payment_error": null, "latest_charge": null,
	"livemode": false, "managed_payments": {"enabled": false}, "metadata": {}, "next_action": null,
	"on_behalf_of": null, "payment_method": null, "payment_method_configuration_details": null,
	"payment_method_options": {"card": {"installments": null, "mandate_options": null, "network": null,
		"request_three_d_secure": "automatic"}}, "payment_method_types": ["card"], "processing": null,
	"receipt_email": null, "review": null, "setup_future_usage": null, "shipping": null, "source": null,
	"statement_descriptor": null, "statement_descriptor_suffix": null, "status": "requires_payment_method",
	"transfer_data": null, "transfer_group": null});

const char shape_money_charge[] = JSON({
	"id": null, "object": "charge", "amount": 0, "amount_captured": 0, "amount_refunded": 0, "application": null,
	"application_fee": null, "application_fee_amount": null, "balance_transaction": null,
	"billing_details": {"address": {"city": null, "country": null, "line1": null, "line2": null, "postal_code": null,
		"state": null}, "email": null, "name": null, "phone": null, "tax_id": null},
	"calculated_statement_descriptor": null, "captured": false, "created": 0, "currency": "usd", "customer": null,
	"description": null, "disputed": false, "failure_balance_transaction": null, "failure_code": null,
	"failure_message": null, "fraud_details": {}, "livemode": false, "metadata": {}, "on_behalf_of": null,
	"outcome": {"advice_code": null, "network_advice_code": null, "network_decline_code": null,
		"network_status": "approved_by_network", "reason": null, "risk_level": "normal",
		"seller_message": "Payment complete.", "type": "authorized"},
	"paid": false, "payment_intent": null, "payment_method": null,
	"payment_method_details": {"card": {"amount_authorized": null, "authorization_code": null, "brand": "visa",
		"checks": {"address_line1_check": null, "address_postal_code_check": null, "cvc_check": null},
		"country": "US", "exp_month": 12, "exp_year": 2034, "extended_authorization": {"status": "disabled"},
		"fingerprint": "SimulatedCard0001", "funding": "credit", "incremental_authorization": {"status": "unavailable"},
		"installments": null, "last4": "4242", "mandate": null, "multicapture": {"status": "unavailable"},
		"network": "visa", "network_token": {"used": false}, "network_transaction_id": null,
		"overcapture": {"maximum_amount_capturable": 0, "status": "unavailable"}, "regulated_status": "unregulated",
		"three_d_secure": null, "transaction_link_id": null, "wallet": null}, "type": "card"},
	"receipt_email": null, "receipt_number": null, "receipt_url": null, "refunded": false, "review": null,
	"shipping": null, "source": null, "source_transfer": null, "statement_descriptor": null,
	"statement_descriptor_suffix": null, "status": "pending", "transfer_data": null, "transfer_group": null});

const char shape_money_refund[] = JSON({
	"id": null, "object": "refund", "amount": 0, "balance_transaction": null, "charge": null, "created": 0,
	"currency": "usd", "customer": null, "customer_account": null,
	"destination_details": {"card": {"reference": null, "reference_status": "pending",
		"reference_type": "acquirer_reference_number", "type": "refund"}, "type": "card"},
	"metadata": {}, "payment_intent": null, "payment_method": null, "reason": null, "receipt_number": null,
	"source_transfer_reversal": null, "status": "succeeded", "transfer_reversal": null});

const char shape_money_dispute[] = JSON({
	"id": null, "object": "dispute", "amount": 0, "balance_transactions": [], "charge": null, "created": 0,
	"currency": "usd", "enhanced_eligibility_types": [],
	"evidence": {"access_activity_log": null, "billing_address": null, "cancellation_policy": null,
		"cancellation_policy_disclosure": null, "cancellation_rebuttal": null, "customer_communication": null,
		"customer_email_address": null, "customer_name": null, "customer_purchase_ip": null, "customer_signature": null,
		"duplicate_charge_documentation": null, "duplicate_charge_explanation": null, "duplicate_charge_id": null,
		"enhanced_evidence": {}, "product_description": null, "receipt": null, "refund_policy": null,
		"refund_policy_disclosure": null, "refund_refusal_explanation": null, "service_date": null,
		"service_documentation": null, "shipping_address": null, "shipping_carrier": null, "shipping_date": null,
		"shipping_documentation": null, "shipping_tracking_number": null, "uncategorized_file": null,
		"uncategorized_text": null},
	"evidence_details": {"due_by": 0, "enhanced_eligibility": {}, "has_evidence": false, "past_due": false,
		"submission_count": 0},
	"is_charge_refundable": false, "livemode": false, "metadata": {}, "payment_intent": null,
	"payment_method_details": {"card": {"brand": "visa", "case_type": "chargeback", "network": "visa",
		"network_reason_code": "10.4"}, "type": "card"},
	"reason": "general", "status": "needs_response"});
/* clang-format on */
