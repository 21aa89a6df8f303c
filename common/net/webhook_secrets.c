#include "net/webhook_secrets.h"

#include <openssl/crypto.h>
#include <stdlib.h>

struct entry {
	struct webhook_secret shown;
	struct stripe_hmac *hmac;
	uint8_t fingerprint[STRIPE_MAC_SIZE]; /* tells two secrets apart without keeping them */
	unsigned line;
	char label[SECRET_LABEL_MAX];
	char account[ACCOUNT_MAX];
};

struct webhook_secrets {
	unsigned count;
	struct entry entries[WEBHOOK_SECRETS_MAX];
};

/* ---- parsing --------------------------------------------------------------- */

#define WORDS_MAX 4

static bool is_blank(char c) { return c == ' ' || c == '\t'; }

/* Cuts the next line off, without its end (LF or CR LF). */
static struct view cut_line(struct view *rest) {
	const char *end = memchr(rest->ptr, '\n', rest->len);
	size_t n = end ? (size_t)(end - rest->ptr) : rest->len;
	struct view line = view_of(rest->ptr, n);
	size_t step = end ? n + 1 : n;
	*rest = view_of(rest->ptr + step, rest->len - step);
	if (line.len && line.ptr[line.len - 1] == '\r') line.len--;
	return line;
}

/* The words of a line; WORDS_MAX + 1 when there are more than WORDS_MAX. */
static unsigned cut_words(struct view line, struct view words[WORDS_MAX]) {
	unsigned count = 0;
	for (size_t i = 0; i < line.len;) {
		size_t from = i;
		while (i < line.len && !is_blank(line.ptr[i])) i++;
		if (i > from) {
			if (count == WORDS_MAX) return WORDS_MAX + 1;
			words[count++] = view_of(line.ptr + from, i - from);
		}
		while (i < line.len && is_blank(line.ptr[i])) i++;
	}
	return count;
}

/* max bytes at most of A-Z a-z 0-9 and `others`, and one at least. */
static bool made_of(struct view v, size_t max, const char *others) {
	if (v.len == 0 || v.len > max) return false;
	for (size_t i = 0; i < v.len; i++) {
		char c = v.ptr[i], letter = (char)(c | 0x20);
		bool ok = (c >= '0' && c <= '9') || (letter >= 'a' && letter <= 'z') || (c && strchr(others, c));
		if (!ok) return false;
	}
	return true;
}

static bool take_mode(struct view word, bool *ret_livemode) {
	*ret_livemode = view_eq(word, VIEW("live"));
	return *ret_livemode || view_eq(word, VIEW("test"));
}

static bool take_account(struct entry *e, struct view word) {
	e->shown.any_account = view_eq(word, VIEW("*"));
	if (e->shown.any_account || !word.len) return true;
	if (!view_starts(word, VIEW("acct_")) || !made_of(word, ACCOUNT_MAX, "_")) return false;
	memcpy(e->account, word.ptr, word.len);
	e->shown.account = view_of(e->account, word.len);
	return true;
}

static bool secret_ok(struct view word) {
	return word.len >= WEBHOOK_SECRET_MIN && view_starts(word, VIEW("whsec_")) &&
	       made_of(word, WEBHOOK_SECRET_MAX, "_-+/=");
}

static enum error take_key(struct entry *e, struct view secret) {
	enum error r = stripe_hmac_create(secret, &e->hmac);
	return r ? r : stripe_hmac_sign(e->hmac, VIEW_NONE, VIEW_NONE, e->fingerprint);
}

/* Is the entry unlike all that came before? */
static enum error check_new(const struct webhook_secrets *s, const struct entry *e, struct problem *why) {
	for (unsigned i = 0; i < s->count; i++) {
		const struct entry *o = &s->entries[i];
		if (view_eq(o->shown.label, e->shown.label))
			return problem_set(why, ERR_CONFIG, "webhook secrets, line %u: the label of line %u again",
					   e->line, o->line);
		if (stripe_mac_eq(o->fingerprint, e->fingerprint))
			return problem_set(why, ERR_CONFIG, "webhook secrets, line %u: the secret of line %u again",
					   e->line, o->line);
	}
	return OK;
}

/* Never quotes the line: words may be out of place, and the secret in any of them. */
static enum error parse_line(struct webhook_secrets *s, struct view line, unsigned number, struct problem *why) {
	struct view words[WORDS_MAX] = {VIEW_NONE};
	unsigned count = cut_words(line, words);
	if (count == 0 || words[0].ptr[0] == '#') return OK;

	const char *fault = NULL;
	if (s->count == WEBHOOK_SECRETS_MAX)
		return problem_set(why, ERR_CONFIG, "webhook secrets, line %u: more than %d secrets", number,
				   WEBHOOK_SECRETS_MAX);
	struct entry *e = &s->entries[s->count];
	e->line = number;
	if (count < 3 || count > WORDS_MAX)
		fault = "want: label live|test whsec_… [account]";
	else if (!made_of(words[0], SECRET_LABEL_MAX, "._-"))
		fault = "the label is too long or has an odd character";
	else if (view_starts(words[0], VIEW("whsec_")))
		fault = "the label is a secret";
	else if (!take_mode(words[1], &e->shown.livemode))
		fault = "the second word must be live or test";
	else if (!secret_ok(words[2]))
		fault = "the third word must be a secret, whsec_ and at least 8 more characters";
	else if (!take_account(e, words[3]))
		fault = "the account must be acct_… or *";
	if (fault) return problem_set(why, ERR_CONFIG, "webhook secrets, line %u: %s", number, fault);

	memcpy(e->label, words[0].ptr, words[0].len);
	e->shown.label = view_of(e->label, words[0].len);
	enum error r = take_key(e, words[2]);
	if (!r) r = check_new(s, e, why);
	if (r == ERR_MEMORY) return problem_set(why, r, "webhook secrets: OpenSSL has no HMAC-SHA256, or no memory");
	if (r) {
		stripe_hmac_destroy(&e->hmac);
		return r;
	}
	s->count++;
	return OK;
}

enum error webhook_secrets_parse(struct view text, struct webhook_secrets **ret_s, struct problem *why) {
	if (text.len > WEBHOOK_SECRETS_TEXT_MAX)
		return problem_set(why, ERR_CONFIG, "webhook secrets: more than %d bytes", WEBHOOK_SECRETS_TEXT_MAX);
	struct webhook_secrets *s = calloc(1, sizeof *s);
	if (!s) return problem_set(why, ERR_MEMORY, "webhook secrets: out of memory");

	enum error r = OK;
	for (unsigned number = 1; text.len && !r; number++) r = parse_line(s, cut_line(&text), number, why);
	if (!r && s->count == 0) r = problem_set(why, ERR_CONFIG, "webhook secrets: there is none");
	if (r) {
		webhook_secrets_destroy(&s);
		return r;
	}
	*ret_s = s;
	return OK;
}

void webhook_secrets_destroy(struct webhook_secrets **s) {
	if (!s || !*s) return;
	for (unsigned i = 0; i < WEBHOOK_SECRETS_MAX; i++) stripe_hmac_destroy(&(*s)->entries[i].hmac);
	OPENSSL_cleanse(*s, sizeof **s);
	free(*s);
	*s = NULL;
}

/* ---- reading --------------------------------------------------------------- */

unsigned webhook_secrets_count(const struct webhook_secrets *s) { return s->count; }

const struct webhook_secret *webhook_secrets_at(const struct webhook_secrets *s, unsigned i) {
	return &s->entries[i].shown;
}

int webhook_secrets_find(const struct webhook_secrets *s, struct view label) {
	for (unsigned i = 0; i < s->count; i++)
		if (view_eq(s->entries[i].shown.label, label)) return (int)i;
	return -1;
}

/* ---- proving --------------------------------------------------------------- */

/* Every candidate is compared, so that time does not tell which. */
static bool any_matches(const struct stripe_signature *sig, const uint8_t mac[STRIPE_MAC_SIZE]) {
	bool match = false;
	for (unsigned i = 0; i < sig->count; i++) match |= stripe_mac_eq(sig->v1[i], mac);
	return match;
}

static enum error judge_time(int64_t t, int64_t now, int64_t tolerance_s) {
	int64_t least, most;
	if (__builtin_sub_overflow(now, tolerance_s, &least)) least = INT64_MIN;
	if (__builtin_add_overflow(now, tolerance_s, &most)) most = INT64_MAX;
	if (t < least) return ERR_STALE;
	return t > most ? ERR_FUTURE : OK;
}

enum error webhook_verify(const struct webhook_secrets *s, struct view header, struct view body, int64_t now,
			  int64_t tolerance_s, unsigned *ret_secret) {
	struct stripe_signature sig;
	enum error r = stripe_signature_parse(header, &sig);
	if (r) return r;
	for (unsigned i = 0; i < s->count; i++) {
		uint8_t mac[STRIPE_MAC_SIZE];
		r = stripe_hmac_sign(s->entries[i].hmac, sig.t_text, body, mac);
		if (r) return r;
		if (!any_matches(&sig, mac)) continue;
		r = judge_time(sig.t, now, tolerance_s);
		if (r == OK) *ret_secret = i;
		return r;
	}
	return ERR_BAD_SIGNATURE;
}

enum error webhook_bind(const struct webhook_secret *secret, const struct stripe_envelope *e) {
	if (e->livemode && !secret->livemode) return ERR_WRONG_MODE;
	if (!secret->any_account && !view_eq(secret->account, e->account)) return ERR_WRONG_ACCOUNT;
	return OK;
}

enum error webhook_sign(const struct webhook_secrets *s, unsigned i, int64_t t, struct view body,
			char ret_header[STRIPE_HEADER_SIZE]) {
	return stripe_hmac_header(s->entries[i].hmac, t, body, ret_header);
}
