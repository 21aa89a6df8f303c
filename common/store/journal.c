#include "store/journal.h"

#include <stdlib.h>

#include "store/journal_internal.h"

/* An append must leave this much of the map to spare, so that retention, which needs fresh pages to
 * rewrite those it deletes from, still works in a journal that is full. */
#define RESERVE (1 << 20)
#define RESERVE_PART 8        /* of small maps, this part */
#define BUFFER_KEEP (4 << 20) /* a larger buffer is not kept for the next batch */

static const char *const tables[] = {[TABLE_EVENTS] = "events", [TABLE_IDS] = "ids", [TABLE_JOURNAL_META] = "meta"};

/* ---- open --------------------------------------------------------------------- */

static enum error read_meta(struct journal *j, uint64_t *ret_origin, struct problem *why) {
	struct lmdb_txn t;
	uint64_t origin = 0, schema = 0;
	enum error e = lmdb_begin(&j->db, false, &t, why);
	if (e) return e;
	bool found = lmdb_get_u64(&t, TABLE_JOURNAL_META, META_ORIGIN, &origin) &&
		     lmdb_get_u64(&t, TABLE_JOURNAL_META, META_SCHEMA, &schema);
	e = lmdb_failed(&t, why);
	lmdb_abort(&t);
	if (e) return e;
	if (!found) return problem_set(why, ERR_NOT_FOUND, "journal: not made yet");
	if (schema != JOURNAL_SCHEMA)
		return problem_set(why, ERR_VERSION, "journal: schema %llu is not known to this program",
				   (unsigned long long)schema);
	*ret_origin = origin;
	return OK;
}

static enum error write_meta(struct journal *j, uint64_t origin, struct problem *why) {
	struct lmdb_txn t;
	if (origin == 0) return problem_set(why, ERR_USAGE, "a new journal needs an origin");
	enum error e = lmdb_begin(&j->db, true, &t, why);
	if (e) return e;
	lmdb_put_u64(&t, TABLE_JOURNAL_META, META_ORIGIN, origin);
	lmdb_put_u64(&t, TABLE_JOURNAL_META, META_SCHEMA, JOURNAL_SCHEMA);
	return lmdb_commit(&t, why);
}

enum error journal_open(const struct journal_options *o, struct journal **ret_j, struct problem *why) {
	AUTO(journal_close)
	struct journal *j = calloc(1, sizeof *j);
	if (!j) return problem_set(why, ERR_MEMORY, "journal");
	j->run = o->run;
	const struct lmdb_options options = {.dir = o->dir,
					     .read_only = o->read_only,
					     .map_size = o->map_size ? o->map_size : JOURNAL_MAP_DEFAULT,
					     .tables = tables,
					     .table_count = ARRAY_LEN(tables)};
	enum error e = lmdb_open(&options, &j->db, why);
	if (e) return e;
	e = read_meta(j, &j->origin, why);
	if (e == ERR_NOT_FOUND && !o->read_only) {
		e = write_meta(j, o->origin, why);
		if (!e) e = read_meta(j, &j->origin, why);
	}
	if (e) return e;
	*ret_j = j;
	j = NULL;
	return OK;
}

void journal_close(struct journal **j) {
	if (!j || !*j) return;
	lmdb_close(&(*j)->db);
	free((*j)->buffer);
	free(*j);
	*j = NULL;
}

uint64_t journal_origin(const struct journal *j) { return j->origin; }

uint64_t journal_run(const struct journal *j) { return j->run; }

enum error journal_usage(struct journal *j, struct store_usage *ret_u) {
	struct lmdb_txn t;
	enum error e = lmdb_begin(&j->db, false, &t, NULL);
	if (e) return e;
	e = lmdb_usage(&t, ret_u);
	lmdb_abort(&t);
	return e;
}

/* ---- append -------------------------------------------------------------------- */

/* Room for all entries as if none were a duplicate, before anything is begun. */
static enum error reserve_buffer(struct journal *j, const struct journal_entry *entries, size_t count,
				 struct problem *why) {
	size_t need = 0;
	for (size_t i = 0; i < count; i++) need += record_size(&entries[i].record);
	if (j->size > BUFFER_KEEP || j->size < need) {
		free(j->buffer);
		j->size = 0;
		j->buffer = malloc(need);
		if (!j->buffer) return problem_set(why, ERR_MEMORY, "journal: a batch of %zu bytes", need);
		j->size = need;
	}
	return OK;
}

/* A record takes whole pages when it is large, and touches pages of both tables. */
static void check_room(struct journal *j, struct lmdb_txn *t, const struct journal_entry *entries, size_t count) {
	MDB_envinfo info = {0};
	(void)mdb_env_info(j->db.env, &info);
	uint64_t reserve = info.me_mapsize / RESERVE_PART < RESERVE ? info.me_mapsize / RESERVE_PART : RESERVE;
	uint64_t need = reserve;
	for (size_t i = 0; i < count; i++) need += record_size(&entries[i].record) + 2 * JOURNAL_PAGE;
	if (lmdb_room(&j->db, need) < need) lmdb_fail(t, ERR_FULL, "the journal's map is full");
}

static void append_one(struct lmdb_txn *t, uint64_t seq, struct journal_entry *entry, struct writer *w) {
	struct record *r = &entry->record;
	const struct scope scope = {r->livemode, r->account};
	uint8_t key[STATE_KEY_MAX];
	struct view old, id = view_of(key, state_key(&scope, r->id, key));

	if (id.len == 0) {
		lmdb_fail(t, ERR_LIMIT, "an event's id or account is empty or too long");
		return;
	}
	if (lmdb_get(t, TABLE_IDS, id, &old)) {
		entry->duplicate = true;
		r->seq = view_u64(old);
		return;
	}
	r->seq = seq;
	struct writer one = writer_of(w->at, (size_t)(w->end - w->at));
	record_write(&one, r);
	if (one.failed) {
		lmdb_fail(t, ERR_LIMIT, "a part of the record is over its limit");
		return;
	}
	entry->bytes = writer_view(&one);
	w->at = one.at;
	const struct key_u64 at = key_u64(seq);
	lmdb_append(t, TABLE_EVENTS, key_u64_view(&at), entry->bytes);
	lmdb_add(t, TABLE_IDS, id, key_u64_view(&at));
}

static uint64_t head_of(struct lmdb_txn *t) {
	struct lmdb_cursor c;
	lmdb_cursor_open(t, TABLE_EVENTS, &c);
	uint64_t head = lmdb_last(&c) ? view_u64(c.key) : 0;
	lmdb_cursor_close(&c);
	return head;
}

static void forget(struct journal_entry *entries, size_t count) {
	for (size_t i = 0; i < count; i++) {
		entries[i].duplicate = false;
		entries[i].bytes = VIEW_NONE;
		entries[i].record.seq = 0;
	}
}

enum error journal_append(struct journal *j, struct journal_entry *entries, size_t count, struct problem *why) {
	struct lmdb_txn t;
	if (count > JOURNAL_BATCH_MAX) return problem_set(why, ERR_LIMIT, "a batch of %zu records", count);
	forget(entries, count);
	if (count == 0) return OK;
	enum error e = reserve_buffer(j, entries, count, why);
	if (!e) e = lmdb_begin(&j->db, true, &t, why);
	if (e) return e;

	struct writer w = writer_of(j->buffer, j->size);
	check_room(j, &t, entries, count);
	uint64_t seq = head_of(&t);
	for (size_t i = 0; i < count && !t.error; i++) {
		entries[i].record.origin = j->origin;
		append_one(&t, seq + 1, &entries[i], &w);
		if (!entries[i].duplicate) seq++;
	}
	e = lmdb_commit(&t, why);
	if (e) forget(entries, count);
	return e;
}
