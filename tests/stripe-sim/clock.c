#include "sim.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <time.h>
#include <unistd.h>

#include "service/clock.h"

#define NS ((int64_t)1000000000)

/* ---- what is due -------------------------------------------------------------- */

static bool before(const struct due *a, const struct due *b) {
	return a->at != b->at ? a->at < b->at : a->turn < b->turn;
}

static void swap(struct due *a, struct due *b) {
	struct due c = *a;
	*a = *b;
	*b = c;
}

static void heap_push(struct sim_clock *c, const struct due *d) {
	if (c->count == c->room) {
		size_t room = c->room ? c->room * 2 : 64;
		struct due *heap = reallocarray(c->heap, room, sizeof *heap);
		if (!heap) return;
		c->heap = heap;
		c->room = room;
	}
	size_t i = c->count++;
	c->heap[i] = *d;
	for (; i && before(&c->heap[i], &c->heap[(i - 1) / 2]); i = (i - 1) / 2)
		swap(&c->heap[i], &c->heap[(i - 1) / 2]);
}

static struct due heap_pop(struct sim_clock *c) {
	struct due top = c->heap[0];
	c->heap[0] = c->heap[--c->count];
	for (size_t i = 0;;) {
		size_t least = i, left = 2 * i + 1, right = left + 1;
		if (left < c->count && before(&c->heap[left], &c->heap[least])) least = left;
		if (right < c->count && before(&c->heap[right], &c->heap[least])) least = right;
		if (least == i) return top;
		swap(&c->heap[i], &c->heap[least]);
		i = least;
	}
}

static void note(struct sim *sim, struct sim_clock *c, int64_t at, enum due_kind kind, const char *id) {
	struct due d = {.at = at, .turn = ++sim->turn, .kind = kind};
	size_t n = strlen(id);
	if (n >= sizeof d.id) return;
	memcpy(d.id, id, n + 1);
	heap_push(c, &d);
}

void sim_at(struct sim *sim, int64_t at, enum due_kind kind, const char *id) { note(sim, sim->clock, at, kind, id); }

void sim_at_main(struct sim *sim, int64_t at, enum due_kind kind, const char *id) {
	note(sim, &sim->main, at, kind, id);
}

void delivery_due(struct sim *sim, const char *id) {
	if (sim->hooks.delivery_due) sim->hooks.delivery_due(sim->hooks.ctx, id);
}

static void run(struct sim *sim, const struct due *d) {
	static void (*const handlers[DUE_COUNT])(struct sim *, const char *) = {
#define X(symbol, name, handle) handle,
		SIM_DUES(X)
#undef X
	};
	struct record *rec = sim_find_any(sim, d->id);
	if (rec) sim->scope = rec->scope;
	handlers[d->kind](sim, d->id);
}

/* ---- moving ------------------------------------------------------------------- */

uint64_t sim_advance(struct sim *sim, struct sim_clock *clock, int64_t to) {
	struct sim_clock *was_on = sim->clock;
	struct scope *was_in = sim->scope;
	struct sim_request *was_for = sim->request;
	uint64_t events = sim->events;
	sim->clock = clock;
	sim->request = NULL;
	for (uint32_t step = 0; step < SIM_DUE_MAX && clock->count && clock->heap[0].at <= to; step++) {
		struct due d = heap_pop(clock);
		if (d.at > clock->now) clock->now = d.at;
		run(sim, &d);
	}
	if (to > clock->now) clock->now = to;
	sim->clock = was_on;
	sim->scope = was_in;
	sim->request = was_for;
	return sim->events - events;
}

/* tests/support/clock_shift.c reads it: a signed 64-bit number of nanoseconds, native. */
static void write_clock_file(const struct sim *sim) {
	if (!sim->options.clock_file) return;
	int fd = open(sim->options.clock_file, O_RDWR | O_CREAT | O_CLOEXEC, 0666);
	if (fd < 0) return;
	struct timespec wall;
	clock_gettime(CLOCK_REALTIME, &wall);
	/* a running clock is off by whole seconds, a frozen one by all that has passed */
	int64_t off = sim->options.frozen ? sim->main.now * NS - ((int64_t)wall.tv_sec * NS + wall.tv_nsec)
					  : sim->offset * NS;
	(void)!pwrite(fd, &off, sizeof off, 0);
	close(fd);
}

void sim_jump(struct sim *sim, int64_t to) {
	sim->main.now = to;
	sim->offset = to - wall_s();
	write_clock_file(sim);
}

uint64_t sim_move(struct sim *sim, int64_t to) {
	uint64_t n = sim_advance(sim, &sim->main, to);
	sim_jump(sim, sim->main.now);
	return n;
}

void sim_tick(struct sim *sim) {
	if (sim->options.frozen) return;
	int64_t now = wall_s() + sim->offset;
	if (now > sim->main.now) (void)sim_advance(sim, &sim->main, now);
}

/* ---- whose clock -------------------------------------------------------------- */

static struct sim_clock *clock_named(struct sim *sim, const char *id) {
	for (size_t i = 0; id && i < sim->test_clock_count; i++)
		if (strcmp(sim->test_clocks[i]->id, id) == 0) return sim->test_clocks[i];
	return &sim->main;
}

void sim_follow(struct sim *sim, const struct record *rec) {
	sim->scope = rec->scope;
	const char *id = rec->kind == K_TEST_CLOCK ? record_id(rec) : text_of(rec->json, "test_clock");
	const char *customer = text_of(rec->json, "customer");
	const struct record *owner = customer ? sim_find_any(sim, customer) : NULL;
	if (!id && owner) id = text_of(owner->json, "test_clock");
	/* what belongs to no customer, a price for example, is of every clock */
	if (id || customer || rec->kind == K_CUSTOMER) sim->clock = clock_named(sim, id);
}

/* ---- calendars ---------------------------------------------------------------- */

static int days_in(int year, int month) {
	static const int days[12] = {31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31};
	bool leap = (year % 4 == 0 && year % 100 != 0) || year % 400 == 0;
	return month == 1 && leap ? 29 : days[month];
}

int64_t calendar_add(int64_t anchor, const char *interval, int64_t count) {
	if (strcmp(interval, "day") == 0) return anchor + count * SIM_DAY;
	if (strcmp(interval, "week") == 0) return anchor + count * 7 * SIM_DAY;
	int64_t months = strcmp(interval, "year") == 0 ? count * 12 : count;
	struct tm t;
	time_t at = (time_t)anchor;
	if (!gmtime_r(&at, &t)) return anchor;
	int64_t month = t.tm_year * INT64_C(12) + t.tm_mon + months;
	t.tm_year = (int)(month / 12);
	t.tm_mon = (int)(month % 12);
	int last = days_in(t.tm_year + 1900, t.tm_mon);
	if (t.tm_mday > last) t.tm_mday = last;
	return (int64_t)timegm(&t);
}
