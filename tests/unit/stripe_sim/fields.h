/* Every field that Stripe's objects have in 2026-09-30.endive, and its types: a array, b boolean, f decimal, i integer,
 * n null, o object, s string. Written down from Stripe's API reference; no field may be missing, and none be more. */
#ifndef TESTS_STRIPE_SIM_FIELDS_H
#define TESTS_STRIPE_SIM_FIELDS_H

static const struct fields {
	const char *name;
	const char *fields; /* sorted by name */
} fields[] = {
	{"customer",
	 "address:no balance:i created:i currency:ns customer_account:ns default_source:ns delinquent:b "
	 "description:ns discount:no email:ns id:s invoice_prefix:s invoice_settings:o livemode:b metadata:o "
	 "name:ns next_invoice_sequence:i object:s phone:ns preferred_locales:a shipping:no tax_exempt:s "
	 "test_clock:ns"},
	{"product", "active:b created:i default_price:ns description:ns id:s images:a livemode:b marketing_features:a "
		    "metadata:o name:s object:s package_dimensions:no shippable:bn statement_descriptor:ns tax_code:ns "
		    "type:s unit_label:ns updated:i url:ns"},
	{"price", "active:b billing_scheme:s created:i currency:s custom_unit_amount:no id:s livemode:b lookup_key:ns "
		  "metadata:o nickname:ns object:s product:s recurring:no tax_behavior:s tiers_mode:ns "
		  "transform_quantity:no type:s unit_amount:in unit_amount_decimal:s"},
	{"payment_method",
	 "allow_redisplay:s billing_details:o card:o created:i customer:ns customer_account:ns id:s livemode:b "
	 "metadata:o object:s type:s"},
	{"setup_intent",
	 "application:ns automatic_payment_methods:no cancellation_reason:ns client_secret:ns created:i "
	 "customer:ns customer_account:ns description:ns excluded_payment_method_types:an flow_directions:an "
	 "id:s last_setup_error:no latest_attempt:ns livemode:b mandate:ns metadata:o next_action:no object:s "
	 "on_behalf_of:ns payment_method:ns payment_method_configuration_details:no payment_method_options:o "
	 "payment_method_types:a single_use_mandate:ns status:s usage:s"},
	{"checkout.session",
	 "adaptive_pricing:o after_expiration:no allow_promotion_codes:bn amount_subtotal:in amount_total:in "
	 "automatic_tax:o billing_address_collection:ns cancel_url:ns client_reference_id:ns client_secret:ns "
	 "collected_information:no consent:no consent_collection:no created:i currency:ns "
	 "currency_conversion:no custom_fields:a custom_text:o customer:ns customer_account:ns "
	 "customer_creation:ns customer_details:no customer_email:ns discounts:an expires_at:i id:s "
	 "integration_identifier:ns invoice:ns invoice_creation:no livemode:b locale:ns managed_payments:o "
	 "metadata:o mode:s object:s origin_context:ns payment_intent:ns payment_link:ns "
	 "payment_method_collection:ns payment_method_configuration_details:no payment_method_options:o "
	 "payment_method_types:a payment_status:s permissions:no phone_number_collection:o recovered_from:ns "
	 "saved_payment_method_options:no setup_intent:ns shipping_address_collection:no shipping_cost:no "
	 "shipping_options:a status:s submit_type:ns subscription:ns success_url:ns total_details:o ui_mode:ns "
	 "url:ns wallet_options:no"},
	{"subscription",
	 "application:ns application_fee_percent:fn automatic_tax:o billing_cycle_anchor:i "
	 "billing_cycle_anchor_config:no billing_mode:o billing_schedules:a billing_thresholds:no cancel_at:in "
	 "cancel_at_period_end:b canceled_at:in cancellation_details:o collection_method:s created:i "
	 "currency:s customer:s customer_account:ns days_until_due:in default_payment_method:ns "
	 "default_source:ns default_tax_rates:a description:ns discounts:a ended_at:in id:s invoice_settings:o "
	 "items:o latest_invoice:ns livemode:b managed_payments:o metadata:o "
	 "next_pending_invoice_item_invoice:in object:s on_behalf_of:ns pause_collection:no payment_settings:o "
	 "pending_invoice_item_interval:no pending_setup_intent:ns pending_update:no schedule:ns start_date:i "
	 "status:s status_details:no test_clock:ns transfer_data:no trial_end:in trial_settings:o "
	 "trial_start:in"},
	{"subscription_schedule",
	 "application:ns billing_mode:o canceled_at:in completed_at:in created:i current_phase:no customer:s "
	 "customer_account:ns default_settings:o end_behavior:s id:s livemode:b metadata:o object:s phases:a "
	 "released_at:in released_subscription:ns status:s subscription:ns test_clock:ns"},
	{"invoice",
	 "account_country:s account_name:ns account_tax_ids:an amount_due:i amount_overpaid:i amount_paid:i "
	 "amount_remaining:i amount_shipping:i application:ns attempt_count:i attempted:b auto_advance:b "
	 "automatic_tax:o automatically_finalizes_at:in billing_reason:s collection_method:s created:i "
	 "currency:s custom_fields:an customer:s customer_account:ns customer_address:no customer_email:ns "
	 "customer_name:ns customer_phone:ns customer_shipping:no customer_tax_exempt:s customer_tax_ids:a "
	 "default_payment_method:ns default_source:ns default_tax_rates:a description:ns discounts:a "
	 "due_date:in effective_at:in ending_balance:in footer:ns from_invoice:no hosted_invoice_url:ns id:s "
	 "invoice_pdf:ns issuer:o last_finalization_error:no latest_revision:ns lines:o livemode:b metadata:o "
	 "next_payment_attempt:in number:ns object:s on_behalf_of:ns parent:no payment_settings:o period_end:i "
	 "period_start:i post_payment_credit_notes_amount:i pre_payment_credit_notes_amount:i "
	 "receipt_number:ns rendering:no shipping_cost:no shipping_details:no starting_balance:i "
	 "statement_descriptor:ns status:s status_transitions:o subtotal:i subtotal_excluding_tax:i "
	 "test_clock:ns total:i total_discount_amounts:a total_excluding_tax:i total_pretax_credit_amounts:an "
	 "total_taxes:an webhooks_delivered_at:in"},
	{"invoice_payment",
	 "amount_paid:in amount_requested:i created:i currency:s id:s invoice:s is_default:b livemode:b "
	 "object:s payment:o status:s status_transitions:o"},
	{"payment_intent",
	 "amount:i amount_capturable:i amount_details:o amount_received:i application:ns "
	 "application_fee_amount:in automatic_payment_methods:no canceled_at:in cancellation_reason:ns "
	 "capture_method:s client_secret:s confirmation_method:s created:i currency:s customer:ns "
	 "customer_account:ns description:ns excluded_payment_method_types:an id:s last_payment_error:no "
	 "latest_charge:ns livemode:b managed_payments:o metadata:o next_action:no object:s on_behalf_of:ns "
	 "payment_method:ns payment_method_configuration_details:no payment_method_options:o "
	 "payment_method_types:a processing:no receipt_email:ns review:ns setup_future_usage:ns shipping:no "
	 "source:ns statement_descriptor:ns statement_descriptor_suffix:ns status:s transfer_data:no "
	 "transfer_group:ns"},
	{"charge", "amount:i amount_captured:i amount_refunded:i application:ns application_fee:ns "
		   "application_fee_amount:in balance_transaction:ns billing_details:o "
		   "calculated_statement_descriptor:ns captured:b created:i currency:s customer:ns description:s "
		   "disputed:b failure_balance_transaction:ns failure_code:ns failure_message:ns fraud_details:o id:s "
		   "livemode:b metadata:o object:s on_behalf_of:ns outcome:o paid:b payment_intent:ns payment_method:s "
		   "payment_method_details:o receipt_email:ns receipt_number:ns receipt_url:ns refunded:b review:ns "
		   "shipping:no source:no source_transfer:ns statement_descriptor:ns statement_descriptor_suffix:ns "
		   "status:s transfer_data:no transfer_group:ns"},
	{"refund", "amount:i balance_transaction:ns charge:s created:i currency:s customer:ns customer_account:ns "
		   "destination_details:o id:s metadata:o object:s payment_intent:ns payment_method:ns reason:ns "
		   "receipt_number:ns source_transfer_reversal:ns status:s transfer_reversal:ns"},
	{"dispute", "amount:i balance_transactions:a charge:s created:i currency:s enhanced_eligibility_types:a "
		    "evidence:o evidence_details:o id:s is_charge_refundable:b livemode:b metadata:o object:s "
		    "payment_intent:ns payment_method_details:o reason:s status:s"},
	{"billing_portal.session",
	 "configuration:s created:i customer:s customer_account:ns flow:no id:s livemode:b locale:ns object:s "
	 "on_behalf_of:ns return_url:ns url:s"},
	{"billing_portal.configuration",
	 "active:b application:ns business_profile:o created:i default_return_url:ns features:o id:s "
	 "is_default:b livemode:b login_page:o metadata:no name:ns object:s updated:i"},
	{"test_helpers.test_clock",
	 "created:i deletes_after:i frozen_time:i id:s livemode:b name:ns object:s status:s status_details:o"},
	{"webhook_endpoint",
	 "api_version:ns application:ns created:i description:ns enabled_events:a id:s livemode:b metadata:o "
	 "object:s status:s url:s"},
	{"event", "api_version:ns created:i data:o id:s livemode:b object:s pending_webhooks:i request:o type:s"},
	{"subscription_item",
	 "billing_thresholds:no created:i current_period_end:i current_period_start:i discounts:a id:s "
	 "metadata:o object:s plan:o price:o quantity:i subscription:s tax_rates:a"},
	{"line_item", "amount:i currency:s description:ns discount_amounts:a discountable:b discounts:a id:s invoice:s "
		      "livemode:b metadata:o object:s parent:o period:o pretax_credit_amounts:an pricing:o quantity:i "
		      "quantity_decimal:ns subscription:ns subtotal:i taxes:an"},
	{"schedule phase",
	 "add_invoice_items:a application_fee_percent:fn billing_cycle_anchor:ns billing_thresholds:no "
	 "collection_method:ns currency:s default_payment_method:ns default_tax_rates:a description:ns "
	 "discounts:a end_date:i invoice_settings:no items:a metadata:o on_behalf_of:ns proration_behavior:s "
	 "start_date:i transfer_data:no trial_end:in"},
	{"plan", "active:b amount:i amount_decimal:s billing_scheme:s created:i currency:s id:s interval:s "
		 "interval_count:i livemode:b metadata:o meter:ns nickname:ns object:s product:s tiers_mode:ns "
		 "transform_usage:no trial_period_days:in usage_type:s"},
};

#endif
