/* SHA-256 over the state:
 *
 *   for each table: u8 its number, then for each row in key order
 *     u32 BE length and bytes of the key · u32 BE length and bytes of the value (a row's without version and ver)
 */
#include <openssl/evp.h>

#include "store/entitlements_internal.h"

/* The numbers are the digest's own; the order is fixed. */
static const enum store_table state_tables[] = {
	TABLE_SUBS,          TABLE_CUSTOMERS,         TABLE_INVOICES, TABLE_CUSTOMER_SUBS, TABLE_SUBJECT_CUSTOMERS,
	TABLE_SUBJECTS,      TABLE_SCHEDULES,         TABLE_PAYMENTS, TABLE_OVERRIDES,     TABLE_INVOICE_PAYMENTS,
	TABLE_SUB_REVERSALS, TABLE_SUBJECT_OVERRIDES,
};

static void destroy_md(EVP_MD_CTX **md) { EVP_MD_CTX_free(*md); }

static bool add(EVP_MD_CTX *md, struct view v) {
	uint8_t len[4];
	struct writer w = writer_of(len, sizeof len);
	write_be32(&w, (uint32_t)v.len);
	return EVP_DigestUpdate(md, len, sizeof len) && EVP_DigestUpdate(md, v.ptr, v.len);
}

static bool add_table(EVP_MD_CTX *md, struct look *l, unsigned number) {
	const enum store_table table = state_tables[number];
	const uint8_t tag = (uint8_t)number;
	struct lmdb_cursor c;
	bool ok = EVP_DigestUpdate(md, &tag, 1);
	lmdb_cursor_open(&l->t, table, &c);
	for (bool more = lmdb_first(&c); ok && more; more = lmdb_next(&c))
		ok = add(md, c.key) && add(md, table == TABLE_SUBJECTS ? subject_row_body(c.value) : c.value);
	lmdb_cursor_close(&c);
	return ok;
}

enum error look_digest(struct look *l, uint8_t ret_digest[STATE_DIGEST_SIZE]) {
	AUTO(destroy_md)
	EVP_MD_CTX *md = EVP_MD_CTX_new();
	uint8_t digest[EVP_MAX_MD_SIZE];
	bool ok = md && EVP_DigestInit_ex(md, EVP_sha256(), NULL);
	for (unsigned i = 0; ok && i < ARRAY_LEN(state_tables); i++) ok = add_table(md, l, i);
	ok = ok && EVP_DigestFinal_ex(md, digest, NULL);
	if (l->t.error) return l->t.error;
	if (!ok) return ERR_MEMORY;
	memcpy(ret_digest, digest, STATE_DIGEST_SIZE);
	return OK;
}
