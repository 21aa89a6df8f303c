/* 128 bits that stand for a subject's name in the cache's table, under a key that is drawn anew for each table.
 *
 * A subject is found by them alone, its name is not kept: two names with the same bits would be answered as one. So
 * they are the output of a keyed pseudorandom function whose output nobody outside ever sees. Who chooses names,
 * without the key, cannot do better than chance: a name that is looked up is held against four entries at most, so it
 * takes 2^126 names to hope for one that is answered as another's. A key that is drawn for each table leaves no time to
 * learn one.
 *
 * Where the processor has AES: AES-128 with independent round keys in XCBC mode (Black and Rogaway, CRYPTO 2000), 25
 * instructions for a name of up to 16 bytes. Elsewhere: SipHash-2-4 with 128 bits (Aumasson and Bernstein, 2012).
 */
#ifndef CLIENT_FINGERPRINT_H
#define CLIENT_FINGERPRINT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define FINGERPRINT_ROUND_KEYS 11
/* the round keys, then what the last block is masked with: a whole one, and one that was filled up */
#define FINGERPRINT_KEY_SIZE ((FINGERPRINT_ROUND_KEYS + 2) * 16)

struct fingerprint_key {
	_Alignas(16) uint8_t bytes[FINGERPRINT_KEY_SIZE]; /* SipHash: the first 16 */
	bool by_aes;
};

/* Can this processor do it by AES? */
bool tgc_fingerprint_has_aes(void);
/* len: 1 or more. */
void tgc_fingerprint(const struct fingerprint_key *k, const char *name, size_t len, uint64_t ret_bits[2]);

#endif
