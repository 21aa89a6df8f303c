#include <openssl/evp.h>
#include <stdio.h>

#include "base/hex.h"
#include "customer.h"

void customer_key(bool livemode, const char *metadata_key, const char *subject, unsigned n,
		  char ret_key[CUSTOMER_KEY_SIZE]) {
	uint8_t digest[EVP_MAX_MD_SIZE] = {0};
	char text[2 * 32 + 1];
	unsigned len = 0;
	EVP_MD_CTX *c = EVP_MD_CTX_new();
	/* the NUL of the first part keeps the two apart */
	bool done = c && EVP_DigestInit_ex(c, EVP_sha256(), NULL) == 1 &&
		    EVP_DigestUpdate(c, metadata_key, strlen(metadata_key) + 1) == 1 &&
		    EVP_DigestUpdate(c, subject, strlen(subject)) == 1 && EVP_DigestFinal_ex(c, digest, &len) == 1;
	EVP_MD_CTX_free(c);
	if (!done || len != 32) {
		ret_key[0] = 0;
		return;
	}
	hex_encode(digest, 32, text);
	(void)snprintf(ret_key, CUSTOMER_KEY_SIZE, "tiergate-customer-%s-%u-%s", livemode ? "live" : "test", n, text);
}

/* Stripe: quotes inside a quoted value are escaped with a backslash. */
static bool quoted(struct writer *w, const char *text) {
	write_u8(w, '\'');
	for (; *text; text++) {
		if (*text == '\'' || *text == '\\') write_u8(w, '\\');
		write_u8(w, (uint8_t)*text);
	}
	write_u8(w, '\'');
	return !w->failed;
}

bool customer_query(const char *metadata_key, const char *subject, char *out, size_t size) {
	struct writer w = writer_of(out, size);
	write_bytes(&w, VIEW("metadata["));
	if (!quoted(&w, metadata_key)) return false;
	write_bytes(&w, VIEW("]:"));
	return quoted(&w, subject) && stripe_text_end(&w) != NULL;
}

json_t *living_subscription(const json_t *subscriptions) {
	static const char *const living[] = {"active", "trialing", "past_due", "unpaid", "paused"};
	for (size_t i = 0; i < json_array_size(subscriptions); i++) {
		json_t *sub = json_array_get(subscriptions, i);
		const char *status = json_string_value(json_object_get(sub, "status"));
		for (size_t k = 0; status && k < ARRAY_LEN(living); k++)
			if (strcmp(status, living[k]) == 0) return sub;
	}
	return NULL;
}
