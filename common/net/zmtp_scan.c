#include "net/zmtp_scan.h"

#include <string.h>

enum { GREETING, FLAGS, SIZE, BODY };
enum { MORE = 1, LONG = 2, COMMAND = 4 };

#define VERSION_AT 10
#define VERSION_2 1 /* the byte that stands for it */
#define MECHANISM_AT 12
#define COMMAND_IS(s, name)                                                                                            \
	((s)->head_len >= sizeof(name) && (s)->head[0] == sizeof(name) - 1 &&                                          \
	 memcmp((s)->head + 1, name, sizeof(name) - 1) == 0)

/* Offsets in the greeting whose byte decides something. */
static bool greet(struct zmtp_scan *s, uint8_t byte) {
	static const char null[] = "NULL";
	bool good = true;
	if (s->at == 0) good = byte == 0xff;
	if (s->at == VERSION_AT - 1) good = (byte & 1) != 0;
	if (s->at == VERSION_AT) {
		s->old = byte == VERSION_2;
		good = byte >= 3 || s->old;
	}
	if (s->at >= MECHANISM_AT && s->at < MECHANISM_AT + sizeof null)
		s->hidden = s->hidden || byte != (uint8_t)null[s->at - MECHANISM_AT];
	if (++s->at == (s->old ? ZMTP_GREETING_2 : ZMTP_GREETING)) s->stage = FLAGS;
	return good;
}

static void begin_body(struct zmtp_scan *s, struct zmtp_news *news) {
	s->left = s->size;
	s->head_len = 0;
	s->stage = BODY;
	s->frames++;
	/* a size is announced before its bytes come; the frame's own limit is libzmq's */
	s->bytes = s->bytes + s->size < s->bytes ? UINT64_MAX : s->bytes + s->size;
	if (s->frames > news->widest) news->widest = s->frames;
	if (s->bytes > news->longest) news->longest = s->bytes;
}

/* Commands of a handshake and heartbeats are no messages. */
static bool is_message(const struct zmtp_scan *s) {
	if (!(s->flags & COMMAND)) return true;
	if (s->hidden) return COMMAND_IS(s, "MESSAGE");
	return COMMAND_IS(s, "SUBSCRIBE") || COMMAND_IS(s, "CANCEL");
}

static void end_identity(struct zmtp_scan *s) {
	s->ready = true;
	s->frames = 0;
	s->bytes = 0;
}

static void count_subscription(const struct zmtp_scan *s, struct zmtp_news *news) {
	uint64_t prefix = s->size;
	bool is;
	if (s->hidden) { /* it might be one */
		is = true;
		prefix = s->size > ZMTP_CURVE_OVERHEAD ? s->size - ZMTP_CURVE_OVERHEAD : 0;
	} else if (s->flags & COMMAND) {
		is = COMMAND_IS(s, "SUBSCRIBE");
		prefix -= is ? sizeof "SUBSCRIBE" : 0;
	} else {
		is = s->head_len > 0 && s->head[0] == 1;
		prefix -= is;
	}
	if (!is) return;
	news->subscriptions++;
	news->topics += prefix;
}

static void end_body(struct zmtp_scan *s, struct zmtp_news *news) {
	bool message = is_message(s);
	s->stage = FLAGS;
	if (s->old && !s->ready) {
		end_identity(s);
		return;
	}
	s->ready = s->ready || message || COMMAND_IS(s, "READY") || COMMAND_IS(s, "INITIATE");
	if (!message) { /* it may stand between two frames of a message */
		s->frames--;
		s->bytes -= s->size;
		return;
	}
	count_subscription(s, news);
	if (!s->hidden && (s->flags & MORE)) return;
	news->frames += s->frames;
	news->bytes += s->bytes;
	s->frames = 0;
	s->bytes = 0;
}

static size_t take_body(struct zmtp_scan *s, const uint8_t *bytes, size_t n) {
	size_t take = s->left < n ? (size_t)s->left : n;
	size_t head = ZMTP_HEAD_MAX - (size_t)s->head_len;
	if (head > take) head = take;
	if (head) memcpy(s->head + s->head_len, bytes, head);
	s->head_len = (uint8_t)(s->head_len + head);
	s->left -= take;
	return take;
}

static bool take_flags(struct zmtp_scan *s, uint8_t byte) {
	s->flags = byte;
	s->size = 0;
	s->at = byte & LONG ? 8 : 1;
	s->stage = SIZE;
	if (!s->old) return true;
	return s->ready ? (byte & ~(MORE | LONG)) == 0 : byte == 0;
}

size_t zmtp_identity_left(const struct zmtp_scan *s) {
	if (!s->old || s->ready) return 0;
	if (s->stage == BODY) return (size_t)s->left;
	if (s->stage == SIZE) return s->at;
	return s->stage == FLAGS ? 2 : 0;
}

bool zmtp_scan(struct zmtp_scan *s, const uint8_t *bytes, size_t n, struct zmtp_news *ret_news) {
	struct zmtp_news news = {0};
	bool good = true;
	size_t i = 0;
	while (good && i < n) {
		if (s->stage == BODY) {
			i += take_body(s, bytes + i, n - i);
		} else if (s->stage == GREETING) {
			good = greet(s, bytes[i++]);
		} else if (s->stage == FLAGS) {
			good = take_flags(s, bytes[i++]);
		} else {
			s->size = s->size << 8 | bytes[i++];
			if (--s->at == 0) begin_body(s, &news);
		}
		if (s->stage == BODY && s->left == 0) end_body(s, &news);
	}
	*ret_news = news;
	return good;
}
