/* Files that are part of the program: the page, what belongs to it, and openapi.json. CMake writes the table
 * (embed.cmake) from services/billing/page/ and services/billing/openapi.json. */
#ifndef BILLING_EMBEDDED_H
#define BILLING_EMBEDDED_H

#include "net/http_server.h"

#define PAGE "/settings/billing"

struct embedded {
	const char *path; /* "/settings/billing/assets/billing.js" */
	const char *type; /* its Content-Type */
	const char *etag; /* quoted */
	const unsigned char *bytes;
	size_t len;
};

extern const struct embedded embedded_files[]; /* ends with an empty path */

/* Answers GET and HEAD of an embedded file. ctx: struct billing. */
void page_serve(void *ctx, struct http_request *r);

/* The page with a slash too many: 308 to where it is, query included. */
void page_redirect(void *ctx, struct http_request *r);

#endif
