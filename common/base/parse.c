#include "base/parse.h"

#define DAY_S INT64_C(86400)
#define RFC3339_LAST INT64_C(253402300799) /* 9999-12-31T23:59:59Z */

bool parse_u64(struct view text, uint64_t max, uint64_t *ret_n) {
	if (text.len == 0 || (text.len > 1 && text.ptr[0] == '0')) return false;
	uint64_t n = 0;
	for (size_t i = 0; i < text.len; i++) {
		if (text.ptr[i] < '0' || text.ptr[i] > '9') return false;
		uint64_t d = (uint64_t)(text.ptr[i] - '0');
		if (n > (UINT64_MAX - d) / 10) return false;
		n = n * 10 + d;
	}
	if (n > max) return false;
	*ret_n = n;
	return true;
}

bool parse_duration_ms(struct view text, int64_t *ret_ms) {
	static const struct {
		struct view unit;
		uint64_t ms;
	} units[] = {{VIEW_INIT("ms"), 1},
		     {VIEW_INIT("s"), 1000},
		     {VIEW_INIT("m"), 60000},
		     {VIEW_INIT("h"), 3600000},
		     {VIEW_INIT("d"), 86400000}};
	const uint64_t most = UINT64_C(3653) * 86400000;
	size_t digits = 0;
	uint64_t n = 0;

	while (digits < text.len && text.ptr[digits] >= '0' && text.ptr[digits] <= '9') digits++;
	if (!parse_u64(view_of(text.ptr, digits), most, &n)) return false;
	if (digits == text.len) {
		if (n != 0) return false;
		*ret_ms = 0;
		return true;
	}
	struct view unit = view_of(text.ptr + digits, text.len - digits);
	for (size_t i = 0; i < sizeof units / sizeof units[0]; i++) {
		if (!view_eq(unit, units[i].unit)) continue;
		if (n > most / units[i].ms) return false;
		*ret_ms = (int64_t)(n * units[i].ms);
		return true;
	}
	return false;
}

/* Days since 1970-01-01 of a proleptic Gregorian date; months counted from March so that
 * the leap day is the last of its year. */
static int64_t days_from_civil(int64_t y, unsigned m, unsigned d) {
	y -= m <= 2;
	int64_t era = y / 400;
	unsigned yoe = (unsigned)(y - era * 400);
	unsigned doy = (153 * (m > 2 ? m - 3 : m + 9) + 2) / 5 + d - 1;
	unsigned doe = yoe * 365 + yoe / 4 - yoe / 100 + doy;
	return era * 146097 + (int64_t)doe - 719468;
}

static bool digits_at(struct view t, size_t at, size_t n, unsigned *ret) {
	unsigned x = 0;
	for (size_t i = at; i < at + n; i++) {
		if (t.ptr[i] < '0' || t.ptr[i] > '9') return false;
		x = x * 10 + (unsigned)(t.ptr[i] - '0');
	}
	*ret = x;
	return true;
}

static unsigned days_in_month(unsigned y, unsigned m) {
	static const unsigned char days[] = {31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31};
	bool leap = (y % 4 == 0 && y % 100 != 0) || y % 400 == 0;
	return m == 2 && leap ? 29 : days[m - 1];
}

bool parse_rfc3339(struct view t, int64_t *ret_seconds) {
	static const char shape[] = "0000-00-00T00:00:00";
	const size_t fixed = sizeof shape - 1;
	unsigned y, mo, d, h, mi, s;

	if (t.len < fixed + 1 || t.ptr[t.len - 1] != 'Z') return false;
	for (size_t i = 0; i < fixed; i++)
		if (shape[i] != '0' && t.ptr[i] != shape[i]) return false;
	if (!digits_at(t, 0, 4, &y) || !digits_at(t, 5, 2, &mo) || !digits_at(t, 8, 2, &d) ||
	    !digits_at(t, 11, 2, &h) || !digits_at(t, 14, 2, &mi) || !digits_at(t, 17, 2, &s))
		return false;
	if (y < 1970 || mo < 1 || mo > 12 || d < 1 || d > days_in_month(y, mo) || h > 23 || mi > 59 || s > 59)
		return false;
	if (t.len > fixed + 1) {
		if (t.ptr[fixed] != '.' || t.len == fixed + 2 || t.len > fixed + 11) return false;
		for (size_t i = fixed + 1; i + 1 < t.len; i++)
			if (t.ptr[i] < '0' || t.ptr[i] > '9') return false;
	}
	*ret_seconds = days_from_civil(y, mo, d) * DAY_S + (int64_t)h * 3600 + (int64_t)mi * 60 + (int64_t)s;
	return true;
}

static void put_digits(char *out, unsigned n, size_t count) {
	for (size_t i = count; i-- > 0; n /= 10) out[i] = (char)('0' + n % 10);
}

void format_rfc3339(int64_t seconds, char out[RFC3339_SIZE]) {
	if (seconds < 0) seconds = 0;
	if (seconds > RFC3339_LAST) seconds = RFC3339_LAST;
	unsigned left = (unsigned)(seconds % DAY_S);
	int64_t z = seconds / DAY_S + 719468;
	unsigned doe = (unsigned)(z % 146097);
	unsigned yoe = (doe - doe / 1460 + doe / 36524 - doe / 146096) / 365;
	unsigned doy = doe - (365 * yoe + yoe / 4 - yoe / 100);
	unsigned mp = (5 * doy + 2) / 153;
	unsigned m = mp < 10 ? mp + 3 : mp - 9;
	unsigned y = (unsigned)(z / 146097) * 400 + yoe + (m <= 2);

	memcpy(out, "0000-00-00T00:00:00Z", RFC3339_SIZE);
	put_digits(out, y, 4);
	put_digits(out + 5, m, 2);
	put_digits(out + 8, doy - (153 * mp + 2) / 5 + 1, 2);
	put_digits(out + 11, left / 3600, 2);
	put_digits(out + 14, left / 60 % 60, 2);
	put_digits(out + 17, left % 60, 2);
}
