/* Where a customer may be sent back to: the allow-list that no request can talk its way around.
 *
 * A rule is an origin ("https://app.example.com", "http://127.0.0.1:8700") or a URL prefix with a path
 * ("https://app.example.com/account"): https, or http for a loopback host; no user, query or fragment, host in lower
 * case. It allows exactly its own scheme, host and port (a default port may be said or left out), and paths that equal
 * its own or continue it after a slash.
 *
 * A URL is refused, whatever the rules, unless every reader of URLs takes it the same way: absolute, visible ASCII
 * without backslash, quotes or angle brackets, a host of [A-Za-z0-9.-] or an IPv6 literal (an international name is
 * written in its ASCII form), a port of digits, no user, no "//" in the path, no "." or ".." segment also when
 * percent-encoded, and every '%' before two hexadecimal digits, not encoding a slash, a backslash or a control
 * character in the path. A fragment is allowed: it stays in the browser.
 *
 * https://url.spec.whatwg.org/ (what browsers do with the rest) · RFC 3986
 */
#ifndef BILLING_URL_ALLOWED_H
#define BILLING_URL_ALLOWED_H

#include "base/error.h"
#include "base/view.h"

#define URL_ALLOWED_MAX 2000 /* bytes of a URL that is asked for; Stripe takes 5000 */

/* ERR_CONFIG, with a sentence that names the rule. */
NODISCARD enum error url_rule_check(struct view rule, struct problem *why);
/* rules: each one passed url_rule_check; one that did not allows nothing. */
bool url_allowed(struct view url, const struct view *rules, size_t count);

#endif
