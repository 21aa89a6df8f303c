/* The thread that speaks HTTP to the endpoints. It holds sim->mutex only to learn what to send and to say how it went,
 * and never waits for it while a request is under way: a long move of the clock must not look like a slow sender. */
#include <curl/curl.h>
#include <stdlib.h>

#include "edge_private.h"
#include "render.h"

#define POLL_MS 1000
#define BUSY_POLL_MS 5 /* while the mutex is somebody else's */
#define CONNECT_TIMEOUT_MS 5000L

struct parcel {
	CURL *curl; /* kept for its connection */
	struct curl_slist *headers;
	char *body;
	uint32_t slot;
	unsigned generation;
	bool sending, done, taken;
};

struct courier {
	struct edge *edge;
	CURLM *multi;
	struct parcel parcels[COURIER_SLOTS];
	size_t sending, done;
	atomic_bool stop;
	bool has_thread;
	pthread_t thread;
};

static size_t swallow(const char *data, size_t size, size_t n, void *ctx) {
	(void)data, (void)ctx;
	return size * n;
}

/* ---- one parcel ------------------------------------------------------------------- */

static void set_options(const struct parcel *p, const char *url) {
	CURL *c = p->curl;
	curl_easy_reset(c);
	(void)curl_easy_setopt(c, CURLOPT_URL, url);
	(void)curl_easy_setopt(c, CURLOPT_PROTOCOLS_STR, "http,https");
	(void)curl_easy_setopt(c, CURLOPT_POST, 1L);
	(void)curl_easy_setopt(c, CURLOPT_POSTFIELDS, p->body);
	(void)curl_easy_setopt(c, CURLOPT_POSTFIELDSIZE_LARGE, (curl_off_t)strlen(p->body));
	(void)curl_easy_setopt(c, CURLOPT_HTTPHEADER, p->headers);
	(void)curl_easy_setopt(c, CURLOPT_USERAGENT, "Stripe/1.0 (+https://stripe.com/docs/webhooks)");
	(void)curl_easy_setopt(c, CURLOPT_TIMEOUT_MS, (long)COURIER_TIMEOUT_MS);
	(void)curl_easy_setopt(c, CURLOPT_CONNECTTIMEOUT_MS, CONNECT_TIMEOUT_MS);
	(void)curl_easy_setopt(c, CURLOPT_NOSIGNAL, 1L);
	(void)curl_easy_setopt(c, CURLOPT_PROXY, "");
	(void)curl_easy_setopt(c, CURLOPT_WRITEFUNCTION, swallow);
	(void)curl_easy_setopt(c, CURLOPT_PRIVATE, p);
}

static bool add_header(struct parcel *p, const char *line) {
	struct curl_slist *more = curl_slist_append(p->headers, line);
	if (more) p->headers = more;
	return more != NULL;
}

/* Under the mutex: the body and its signature. False: the event or the endpoint is gone. */
static bool pack(struct courier *c, struct parcel *p, const struct delivery *d, const char **ret_url) {
	struct edge *e = c->edge;
	const struct record *event = sim_find_any(e->sim, d->event), *to = sim_find_any(e->sim, d->endpoint);
	if (!event || !to || to->deleted) return false;
	p->body = d->thin ? render_thin(e->sim, event) : render_event(e->sim, event, d->version);
	char *signature = p->body ? endpoint_sign(e, to, p->body) : NULL;
	bool ok = signature && add_header(p, "Content-Type: application/json; charset=utf-8") &&
		  add_header(p, "Expect:") && add_header(p, signature);
	free(signature);
	*ret_url = text_of(to->json, "url");
	return ok;
}

static void unpack(struct parcel *p) {
	curl_slist_free_all(p->headers);
	free(p->body);
	p->headers = NULL;
	p->body = NULL;
}

/* ---- under the mutex ---------------------------------------------------------------- */

static void report(struct courier *c) {
	for (size_t i = 0; i < COURIER_SLOTS; i++) {
		struct parcel *p = &c->parcels[i];
		if (!p->done) continue;
		p->done = false;
		c->done--;
		deliver_done(c->edge, p->slot, p->generation, p->taken);
	}
}

static void load(struct courier *c) {
	for (size_t i = 0; i < COURIER_SLOTS; i++) {
		struct parcel *p = &c->parcels[i];
		while (!p->sending && !p->done) {
			uint32_t slot = deliver_take(c->edge);
			if (slot == DELIVERIES_MAX) return;
			const struct delivery *d = &c->edge->deliveries.at[slot];
			const char *url = NULL;
			p->slot = slot;
			p->generation = d->generation;
			if (pack(c, p, d, &url)) {
				set_options(p, url);
				p->sending = curl_multi_add_handle(c->multi, p->curl) == CURLM_OK;
			}
			if (p->sending) {
				c->sending++;
			} else {
				unpack(p);
				deliver_done(c->edge, slot, p->generation, false);
			}
		}
	}
}

/* ---- without it ----------------------------------------------------------------------- */

static void collect(struct courier *c) {
	int left;
	const CURLMsg *m;
	while ((m = curl_multi_info_read(c->multi, &left))) {
		if (m->msg != CURLMSG_DONE) continue;
		struct parcel *p = NULL;
		long status = 0;
		(void)curl_easy_getinfo(m->easy_handle, CURLINFO_PRIVATE, (char **)&p);
		(void)curl_easy_getinfo(m->easy_handle, CURLINFO_RESPONSE_CODE, &status);
		p->taken = m->data.result == CURLE_OK && status >= 200 && status < 300;
		(void)curl_multi_remove_handle(c->multi, p->curl);
		unpack(p);
		p->sending = false;
		p->done = true;
		c->sending--;
		c->done++;
	}
}

static void *run(void *ctx) {
	struct courier *c = ctx;
	pthread_mutex_t *mutex = &c->edge->sim->mutex;
	while (!atomic_load(&c->stop)) {
		bool mine = c->sending == 0 ? pthread_mutex_lock(mutex) == 0 : pthread_mutex_trylock(mutex) == 0;
		if (mine) {
			report(c);
			load(c);
			(void)pthread_mutex_unlock(mutex);
		}
		int running;
		(void)curl_multi_perform(c->multi, &running);
		collect(c);
		if (c->done == 0)
			(void)curl_multi_poll(c->multi, NULL, 0, mine ? POLL_MS : BUSY_POLL_MS, NULL);
		else if (!mine)
			(void)curl_multi_poll(c->multi, NULL, 0, BUSY_POLL_MS, NULL);
	}
	return NULL;
}

/* ---- its life --------------------------------------------------------------------------- */

void courier_wake(struct courier *c) {
	if (c) (void)curl_multi_wakeup(c->multi);
}

enum error courier_create(struct edge *e, struct courier **ret_c, struct problem *why) {
	struct courier *c = calloc(1, sizeof *c);
	if (!c) return ERR_MEMORY;
	c->edge = e;
	atomic_init(&c->stop, false);
	bool ok = (c->multi = curl_multi_init()) != NULL;
	for (size_t i = 0; ok && i < COURIER_SLOTS; i++) ok = (c->parcels[i].curl = curl_easy_init()) != NULL;
	if (ok) ok = c->has_thread = pthread_create(&c->thread, NULL, run, c) == 0;
	if (ok) {
		*ret_c = c;
		return OK;
	}
	courier_destroy(&c);
	return problem_set(why, ERR_MEMORY, "cannot start the thread that delivers webhooks");
}

void courier_destroy(struct courier **pc) {
	struct courier *c = pc ? *pc : NULL;
	if (!c) return;
	*pc = NULL;
	atomic_store(&c->stop, true);
	courier_wake(c);
	if (c->has_thread) (void)pthread_join(c->thread, NULL);
	for (size_t i = 0; i < COURIER_SLOTS; i++) {
		struct parcel *p = &c->parcels[i];
		if (p->sending) (void)curl_multi_remove_handle(c->multi, p->curl);
		unpack(p);
		curl_easy_cleanup(p->curl);
	}
	(void)curl_multi_cleanup(c->multi);
	free(c);
}
