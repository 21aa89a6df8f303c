/* What a peer has sent, without understanding it: where messages begin and end in a stream of ZMTP (RFC 37, RFC 15).
 *
 * libzmq's limits are of one frame (MAXMSGSIZE) and of whole messages (HWM): a message that never ends passes by both.
 * This walks over the same bytes and counts. Nothing is kept of them but the first of a frame, which tells a
 * subscription from other things.
 *
 * A connection begins with 64 bytes of greeting (signature, version, mechanism). Then come frames: a byte of flags (1:
 * more frames of this message follow, 2: the size has 8 bytes and not 1, 4: a command), the size, the body. With CURVE
 * each frame is a command that hides the flags; then frames are counted and messages are not.
 *
 * ZMTP 2 has 12 bytes of greeting (signature, version, kind of socket), then one frame that is the peer's identity, and
 * then frames as they are in ZMTP 3, but no commands, no mechanisms, and no reserved flags. ZMTP 1 has no such frames,
 * and is refused. Pure: no I/O, no allocation.
 */
#ifndef NET_ZMTP_SCAN_H
#define NET_ZMTP_SCAN_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define ZMTP_GREETING 64
#define ZMTP_GREETING_2 12
#define ZMTP_IDENTITY_MAX 255
#define ZMTP_HEAD_MAX 10       /* a byte of length and "SUBSCRIBE" */
#define ZMTP_CURVE_OVERHEAD 33 /* bytes of a CURVE frame's body that are not the frame's in it, flags included */

struct zmtp_scan {
	uint8_t stage;
	uint8_t flags;
	uint8_t at; /* bytes of the greeting, or of the size */
	uint8_t head_len;
	uint8_t head[ZMTP_HEAD_MAX];
	bool old;        /* ZMTP 2 */
	bool hidden;     /* the mechanism is not NULL */
	bool ready;      /* a frame has come that is no part of the handshake, or the handshake's last */
	uint64_t size;   /* of the frame under way */
	uint64_t left;   /* of its body */
	uint32_t frames; /* begun, of the message under way */
	uint64_t bytes;  /* of its bodies, as far as they were announced */
};

/* What one piece of the stream has brought. */
struct zmtp_news {
	uint32_t frames;        /* of messages that it completed; hidden ones: each frame */
	uint32_t subscriptions; /* new ones; hidden ones: each frame might be one */
	uint64_t bytes;         /* of those messages' bodies */
	uint64_t topics;        /* bytes of the subscriptions' prefixes */
	uint64_t
		widest; /* the most frames that a message had meanwhile, also one that is not complete, with commands */
	uint64_t longest; /* and the most bytes */
};

/* False: this is neither ZMTP 3 nor 2, and nothing that follows makes sense. `scan` begins as zero. */
bool zmtp_scan(struct zmtp_scan *scan, const uint8_t *bytes, size_t n, struct zmtp_news *ret_news);

/* The least number of bytes that can end the identity of a peer with ZMTP 2; 0: none is due. */
size_t zmtp_identity_left(const struct zmtp_scan *scan);

#endif
