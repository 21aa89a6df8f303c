#include "net/curve_keys.h"

#include "base/show.h"
#include "net/zsocket.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>
#include <zmq.h>

static const struct {
	struct view word;
	unsigned right;
} rights_known[] = {
#define X(symbol, word, help) {VIEW_INIT(word), symbol},
	CURVE_RIGHT_TABLE(X)
#undef X
};

struct curve_rights_text curve_rights_words(unsigned rights) {
	struct curve_rights_text out = {""};
	int n = 0;
	for (size_t i = 0; i < ARRAY_LEN(rights_known); i++)
		if (rights & rights_known[i].right)
			n += snprintf(out.text + n, sizeof out.text - (size_t)n, "%s%.*s", n ? "," : "",
				      VIEW_FMT(rights_known[i].word));
	return out;
}

/* ---- text ------------------------------------------------------------------------- */

static bool is_space(char c) { return c == ' ' || c == '\t' || c == ',' || c == '\r'; }

/* The next word of *rest; empty at its end. */
static struct view next_word(struct view *rest) {
	size_t from = 0;
	while (from < rest->len && is_space(rest->ptr[from])) from++;
	size_t to = from;
	while (to < rest->len && !is_space(rest->ptr[to])) to++;
	struct view word = view_of(rest->len ? rest->ptr + from : NULL, to - from);
	*rest = view_of(rest->len ? rest->ptr + to : NULL, rest->len - to);
	return word;
}

static struct view next_line(struct view *rest) {
	size_t n = 0;
	while (n < rest->len && rest->ptr[n] != '\n') n++;
	struct view line = view_of(rest->ptr, n);
	size_t step = n < rest->len ? n + 1 : n;
	*rest = view_of(rest->ptr + step, rest->len - step);
	return line;
}

enum error curve_rights_parse(struct view words, unsigned *ret_rights, struct problem *why) {
	unsigned rights = 0;
	for (struct view word = next_word(&words); word.len; word = next_word(&words)) {
		unsigned found = 0;
		for (size_t i = 0; i < ARRAY_LEN(rights_known); i++)
			if (view_eq(word, rights_known[i].word)) found = rights_known[i].right;
		if (!found)
			return problem_set(why, ERR_CONFIG, "'%s' is nothing that a key may do: %s", show(word).text,
					   curve_rights_words(CURVE_RIGHTS_ALL).text);
		rights |= found;
	}
	if (!rights)
		return problem_set(why, ERR_CONFIG, "a key that may do nothing: name at least one of %s",
				   curve_rights_words(CURVE_RIGHTS_ALL).text);
	*ret_rights = rights;
	return OK;
}

/* One file as it was understood. */
struct key_file {
	struct curve_pair pair;
	unsigned rights;
};

static bool take_key(struct view value, char *out) {
	uint8_t key[CURVE_KEY_SIZE];
	if (out[0] || value.len != CURVE_TEXT_SIZE - 1) return false;
	if (memchr(value.ptr, '\0', value.len))
		return false; /* libzmq would take a shorter key and leave the rest as it was */
	memcpy(out, value.ptr, value.len);
	out[value.len] = '\0';
	bool good = zmq_z85_decode(key, out) != NULL;
	explicit_bzero(key, sizeof key);
	if (!good) explicit_bzero(out, CURVE_TEXT_SIZE);
	return good;
}

bool curve_key_valid(struct view text) {
	char key[CURVE_TEXT_SIZE] = "";
	return take_key(text, key);
}

static enum error take_line(struct key_file *f, struct view line, struct problem *why) {
	struct view word = next_word(&line);
	if (!word.len || word.ptr[0] == '#') return OK;
	if (view_eq(word, VIEW("may"))) {
		if (f->rights) return problem_set(why, ERR_CONFIG, "'may' stands twice");
		return curve_rights_parse(line, &f->rights, why);
	}
	bool public = view_eq(word, VIEW("public")), secret = view_eq(word, VIEW("secret"));
	if (!public && !secret)
		return problem_set(why, ERR_CONFIG,
				   "a line begins with public, secret or may, and this one with neither");
	struct view value = next_word(&line);
	if (next_word(&line).len || !take_key(value, public ? f->pair.public_text : f->pair.secret_text))
		return problem_set(why, ERR_CONFIG, "'%s' takes one key of 40 characters (Z85), and stands once",
				   public ? "public" : "secret");
	return OK;
}

static enum error parse(const char *path, struct view text, struct key_file *f, struct problem *why) {
	struct problem inner = {0};
	for (unsigned number = 1; text.len; number++) {
		enum error e = take_line(f, next_line(&text), &inner);
		if (e) return problem_set(why, e, "%s:%u: %s", path, number, problem_text(&inner));
	}
	if (!f->pair.public_text[0]) return problem_set(why, ERR_CONFIG, "%s: no line 'public'", path);
	return OK;
}

/* ---- files ------------------------------------------------------------------------ */

static enum error read_all(const char *path, int fd, bool secret, char *out, size_t *ret_len, struct problem *why) {
	struct stat st;
	size_t len = 0;
	ssize_t n = 1;
	if (fstat(fd, &st) != 0 || !S_ISREG(st.st_mode)) return problem_set(why, ERR_CONFIG, "%s: not a file", path);
	if (secret && (st.st_mode & 077))
		return problem_set(why, ERR_CONFIG, "%s: others than its owner may read this secret: chmod 600 it",
				   path);
	while (n > 0 && len < CURVE_FILE_MAX) {
		n = read(fd, out + len, CURVE_FILE_MAX - len);
		if (n > 0) len += (size_t)n;
		if (n < 0 && errno == EINTR) n = 1;
	}
	if (n < 0) return problem_set(why, ERR_IO, "%s: %s", path, strerror(errno));
	if (len == CURVE_FILE_MAX) return problem_set(why, ERR_CONFIG, "%s: longer than a key file is", path);
	*ret_len = len;
	return OK;
}

static enum error key_file_read(const char *path, bool secret, struct key_file *f, struct problem *why) {
	char text[CURVE_FILE_MAX];
	size_t len = 0;
	int fd = open(path, O_RDONLY | O_CLOEXEC);
	if (fd < 0) {
		enum error e = errno == ENOENT ? ERR_NOT_FOUND : ERR_CONFIG;
		return problem_set(why, e, "%s: %s", path, strerror(errno));
	}
	enum error e = read_all(path, fd, secret, text, &len, why);
	close(fd);
	if (!e) e = parse(path, view_of(text, len), f, why);
	explicit_bzero(text, sizeof text);
	return e;
}

enum error curve_pair_read(const char *path, bool secret, struct curve_pair *ret_pair, struct problem *why) {
	struct key_file f = {0};
	enum error e = key_file_read(path, secret, &f, why);
	if (!e && secret && !f.pair.secret_text[0]) e = problem_set(why, ERR_CONFIG, "%s: no line 'secret'", path);
	if (!e && !secret && f.pair.secret_text[0])
		e = problem_set(why, ERR_CONFIG, "%s: a secret has no place in this file", path);
	if (!e) *ret_pair = f.pair;
	curve_pair_forget(&f.pair);
	return e;
}

enum error curve_client_read(const char *path, struct curve_pair *ret_pair, unsigned *ret_rights, struct problem *why) {
	struct key_file f = {0};
	enum error e = key_file_read(path, false, &f, why);
	if (!e && f.pair.secret_text[0])
		e = problem_set(why, ERR_CONFIG, "%s: a secret has no place in this file", path);
	if (!e && !f.rights) e = problem_set(why, ERR_CONFIG, "%s: no line 'may' that says what the key may do", path);
	if (!e) {
		*ret_pair = f.pair;
		*ret_rights = f.rights;
	}
	curve_pair_forget(&f.pair);
	return e;
}

enum error curve_pair_make(struct curve_pair *ret_pair, struct problem *why) {
	struct curve_pair p;
	if (zmq_curve_keypair(p.public_text, p.secret_text) != 0)
		return problem_set(why, ERR_UNAVAILABLE, "libzmq cannot make keys: %s", zmq_strerror(zmq_errno()));
	*ret_pair = p;
	curve_pair_forget(&p);
	return OK;
}

void curve_pair_forget(struct curve_pair *pair) { explicit_bzero(pair, sizeof *pair); }

static bool write_whole(int fd, const char *text, size_t len) {
	while (len > 0) {
		ssize_t n = write(fd, text, len);
		if (n < 0 && errno == EINTR) continue;
		if (n <= 0) return false;
		text += n;
		len -= (size_t)n;
	}
	return fsync(fd) == 0;
}

static bool sync_directory(const char *dir) {
	int fd = open(dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (fd < 0) return false;
	bool done = fsync(fd) == 0;
	close(fd);
	return done;
}

static size_t format(const struct curve_pair *pair, bool secret, unsigned rights, char *out, size_t size) {
	int n = snprintf(out, size, "# a CURVE key of Tiergate%s\npublic %s\n", secret ? ": keep it secret" : "",
			 pair->public_text);
	if (secret) n += snprintf(out + n, size - (size_t)n, "secret %s\n", pair->secret_text);
	if (secret || !rights) return (size_t)n;
	n += snprintf(out + n, size - (size_t)n, "may %s\n", curve_rights_words(rights).text);
	return (size_t)n;
}

/* Under another name first, which no reader looks at: what stands at `path` is whole whenever this dies. A link takes
 * the place of nothing that is there. */
static enum error put(const char *path, const char *dir, struct view text, mode_t mode, struct problem *why) {
	char part[4096];
	(void)snprintf(part, sizeof part, "%s.XXXXXX", path);
	int fd = mkostemp(part, O_CLOEXEC); /* 0600 */
	if (fd < 0) return problem_set(why, ERR_CONFIG, "%s: %s", path, strerror(errno));
	bool done = fchmod(fd, mode) == 0 && write_whole(fd, text.ptr, text.len) && link(part, path) == 0;
	int failure = errno;
	close(fd);
	(void)unlink(part);
	if (done && sync_directory(dir)) return OK;
	if (done) failure = errno;
	enum error e = failure == EEXIST ? ERR_EXISTS : failure == ENOSPC ? ERR_FULL : ERR_IO;
	return problem_set(why, e, "%s: %s", path, strerror(failure));
}

enum error curve_pair_write(const char *path, const struct curve_pair *pair, bool secret, unsigned rights,
			    struct problem *why) {
	char text[512], dir[4000];
	const char *slash = strrchr(path, '/');
	size_t n = slash ? (size_t)(slash - path) : 1;
	if (n == 0 || n >= sizeof dir || strlen(path) >= sizeof dir)
		return problem_set(why, ERR_CONFIG, "%s: no place for a key", path);
	memcpy(dir, slash ? path : ".", n);
	dir[n] = '\0';
	if (mkdir(dir, 0700) != 0 && errno != EEXIST)
		return problem_set(why, ERR_CONFIG, "%s: %s", dir, strerror(errno));
	size_t len = format(pair, secret, rights, text, sizeof text);
	enum error e = put(path, dir, view_of(text, len), secret ? 0600 : 0644, why);
	explicit_bzero(text, sizeof text);
	return e;
}

/* ---- who connects ------------------------------------------------------------------ */

enum error curve_identity_read(const char *dir, struct curve_identity *ret_i, struct problem *why) {
	char path[4096];
	struct curve_identity i = {.dir = dir};
	(void)snprintf(path, sizeof path, "%s/client.key", dir);
	enum error e = curve_pair_read(path, true, &i.mine, why);
	if (e == ERR_NOT_FOUND)
		e = problem_set(why, ERR_CONFIG,
				"%s: there is no such file; `tiergate keygen NAME` at the server's makes it", path);
	if (!e) *ret_i = i;
	curve_pair_forget(&i.mine);
	return e;
}

enum error curve_server_read(const char *dir, const char *endpoint, struct curve_pair *ret_server,
			     struct problem *why) {
	char path[4096 + ENDPOINT_MAX];
	struct view host = endpoint_host(endpoint);
	(void)snprintf(path, sizeof path, "%s/servers/%.*s.pub", dir, VIEW_FMT(host));
	enum error e = host.len ? curve_pair_read(path, false, ret_server, why) : ERR_NOT_FOUND;
	if (e != ERR_NOT_FOUND) return e;
	(void)snprintf(path, sizeof path, "%s/server.pub", dir);
	e = curve_pair_read(path, false, ret_server, why);
	if (e == ERR_NOT_FOUND)
		e = problem_set(why, ERR_CONFIG, "%s: there is no such file, which says who may answer at %s", path,
				endpoint);
	return e;
}
