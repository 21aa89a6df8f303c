/* A wall clock that tests can move: LD_PRELOAD=libclock_shift.so CLOCK_SHIFT_FILE=PATH program.
 *
 * The file holds 8 bytes: an int64 in the machine's order, the nanoseconds that are added to the wall clock as read by
 * clock_gettime (CLOCK_REALTIME and its relatives), gettimeofday, time and timespec_get. The file is mapped when the
 * program starts, so writing the 8 bytes in place (never replacing or truncating the file) moves the clock of all
 * programs that map it, at once. Without the variable, or with a file that is not there or too short, the clock is the
 * machine's. Monotonic clocks are untouched, and so are time-outs, which must not be reckoned in wall time.
 *
 * For tests only, and never installed. It allocates nothing and keeps no state but the mapping, which is made before
 * main(). The clock is read by system call: a symbol looked up with dlsym could allocate, and under a sanitizer it
 * would be the sanitizer's. A sanitizer wants to be the first library and has to be told (verify_asan_link_order=0). */
#include <fcntl.h>
#include <stdint.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/time.h>
#include <time.h>
#include <unistd.h>

#define NS_PER_S INT64_C(1000000000)

static const int64_t *shift; /* the mapping; NULL: the machine's clock */

__attribute__((constructor)) static void map_shift(void) {
	const char *path = getenv("CLOCK_SHIFT_FILE");
	if (!path || !*path) return;
	int file = open(path, O_RDONLY | O_CLOEXEC);
	if (file < 0) return;
	struct stat info;
	if (fstat(file, &info) == 0 && info.st_size >= (off_t)sizeof *shift) {
		void *map = mmap(NULL, sizeof *shift, PROT_READ, MAP_SHARED, file, 0);
		if (map != MAP_FAILED) shift = map;
	}
	close(file);
}

static int64_t shift_ns(void) { return shift ? __atomic_load_n(shift, __ATOMIC_RELAXED) : 0; }

static int read_shifted(clockid_t clock, struct timespec *now) {
	int result = (int)syscall(SYS_clock_gettime, clock, now);
	if (result != 0 || !now) return result;
	int64_t by = shift_ns(), seconds = by / NS_PER_S, rest = by % NS_PER_S;
	if (rest < 0) {
		rest += NS_PER_S;
		seconds--;
	}
	now->tv_sec += seconds;
	now->tv_nsec += rest;
	if (now->tv_nsec >= NS_PER_S) {
		now->tv_nsec -= NS_PER_S;
		now->tv_sec++;
	}
	return 0;
}

int clock_gettime(clockid_t clock, struct timespec *now) {
	if (clock == CLOCK_REALTIME || clock == CLOCK_REALTIME_COARSE) return read_shifted(clock, now);
	return (int)syscall(SYS_clock_gettime, clock, now);
}

int gettimeofday(struct timeval *restrict now, void *restrict zone) {
	(void)zone; /* obsolete: glibc leaves it alone as well */
	struct timespec exact;
	if (read_shifted(CLOCK_REALTIME, &exact) != 0) return -1;
	now->tv_sec = exact.tv_sec;
	now->tv_usec = exact.tv_nsec / 1000;
	return 0;
}

time_t time(time_t *ret_now) {
	struct timespec exact;
	if (read_shifted(CLOCK_REALTIME_COARSE, &exact) != 0) return (time_t)-1;
	if (ret_now) *ret_now = exact.tv_sec;
	return exact.tv_sec;
}

int timespec_get(struct timespec *now, int base) {
	if (base != TIME_UTC || read_shifted(CLOCK_REALTIME, now) != 0) return 0;
	return base;
}
