#include "proto/tg01_codec.h"

#define VALUE_MAX (TG01_ID_MAX + 5) /* the longest head of a text */

void tg01_request_id(struct tg01_decoder *d, struct view message, struct tg01_id *ret_id) {
	struct view value;
	msgpack_object o;
	size_t at = 0;
	*ret_id = (struct tg01_id){.kind = TG01_ID_NONE};
	if (!msgpack_find(message, VIEW("id"), &value) || value.len > VALUE_MAX) return;
	msgpack_zone_clear(&d->zone);
	if (msgpack_unpack(value.ptr, value.len, &at, &d->zone, &o) != MSGPACK_UNPACK_SUCCESS) return;
	(void)!tg01_id_read(&o, ret_id);
}
