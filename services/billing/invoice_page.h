/* A page of a subject's payments, newest first, over all of its customers.
 *
 * The cursor is a moment and the invoices of that second that were shown already; Stripe's lists are asked for what was
 * made at that moment or before. So it names no place in a customer's list, and whatever somebody writes into one, only
 * invoices of the subject's own customers are shown. It is bound to the subject all the same: another's is refused.
 *
 * Drafts are left out: they may still change, and nobody has been asked to pay.
 *
 * https://docs.stripe.com/api/invoices/list · https://docs.stripe.com/api/charges/list
 */
#ifndef BILLING_INVOICE_PAGE_H
#define BILLING_INVOICE_PAGE_H

#include <jansson.h>

#include "base/error.h"
#include "base/limits.h"
#include "base/view.h"

#define INVOICE_PAGE_MAX 100
#define CURSOR_SHOWN_MAX 16 /* invoices of one second that are told apart; those beyond are passed over */
#define CURSOR_SIZE 4608    /* its text, with the NUL */

struct invoice_cursor {
	int64_t at; /* unix seconds; 0: from the newest on */
	unsigned shown_count;
	char shown[CURSOR_SHOWN_MAX][STRIPE_ID_MAX];
};

/* False: it is none, or another subject's. */
NODISCARD bool invoice_cursor_read(const char *text, const char *subject, struct invoice_cursor *ret_c);
/* False: no room. */
NODISCARD bool invoice_cursor_write(const struct invoice_cursor *c, const char *subject, char out[CURSOR_SIZE]);

/* From Stripe's invoices of all customers together (array, any order) the page: {invoices, next_cursor}. horizon: where
 * the first of the lists that went on was cut, unix seconds (0: none did); what is older waits for the next page.
 * charges: array of Stripe's, of which those that were refunded mark their invoices; NULL: not known. NULL without
 * memory. */
json_t *invoice_page(const json_t *all, const json_t *charges, int64_t horizon, const struct invoice_cursor *from,
		     unsigned limit, const char *subject);

/* When the oldest invoice that could have been paid was made; 0: none was. */
int64_t invoices_paid_since(const json_t *all);

#endif
