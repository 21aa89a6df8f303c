/* Writing a page: fixed markup and escaped text, nothing else. */
#ifndef STRIPE_SIM_HTML_H
#define STRIPE_SIM_HTML_H

#include <stdio.h>

#include "sim.h"

struct html {
	FILE *to;
	char *text;
	size_t size;
};

/* <html> to <main>, with a title that is escaped. */
void html_begin(struct html *h, const char *title);
/* Markup of ours. */
void html_raw(struct html *h, const char *markup);
/* Anything from outside; NULL: nothing. Fit for text and for attributes in double quotes. */
void html_text(struct html *h, const char *text);
/* Markup in which every %s is escaped text; at most four. No other conversions. */
void html_fill(struct html *h, const char *markup, const char *a, const char *b, const char *c, const char *d);
/* "$49.00", "49.00 EUR", "4900 JPY" */
void html_money(struct html *h, int64_t amount, const char *currency);
/* "22 Nov 2026" */
void html_day(struct html *h, int64_t at);
/* The end of the page; malloc, or NULL. */
char *html_end(struct html *h);

#endif
