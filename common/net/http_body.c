#include <stdlib.h>
#include <sys/mman.h>

#include "net/http_private.h"

/* A large body gets pages of its own, which are taken when they are written to and go when it goes: on the heap the
 * holes that many large bodies leave stay resident, and add up to far more than what is in use. */
static char *create(size_t size) {
	if (size < HTTP_BODY_MAPPED) return malloc(size);
	void *p = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
	return p == MAP_FAILED ? NULL : p;
}

static void destroy(char *body, size_t size) {
	if (size < HTTP_BODY_MAPPED)
		free(body);
	else
		munmap(body, size);
}

enum error http_body_begin(struct http_request *r, size_t size) {
	r->body = create(size);
	if (!r->body) return ERR_MEMORY;
	r->body_size = size;
	return OK;
}

/* Counted as it arrives: a large Content-Length alone takes no memory. */
void http_body_take(struct http_request *r, const char *data, size_t n) {
	struct http_server *s = r->conn->server;
	if (r->short_of_memory || n > r->body_size - r->body_len) {
		r->short_of_memory = true;
		return;
	}
	if (atomic_fetch_add(&s->body_bytes, n) + n > s->options.bodies_max) {
		atomic_fetch_sub(&s->body_bytes, n);
		r->short_of_memory = true;
		return;
	}
	memcpy(r->body + r->body_len, data, n);
	r->body_len += n;
}

void http_body_drop(struct http_request *r) {
	atomic_fetch_sub(&r->conn->server->body_bytes, r->body_len);
	if (r->body) destroy(r->body, r->body_size);
	r->body = NULL;
	r->body_size = r->body_len = 0;
}
