"""A wall clock that tests move: services that are started with `clock.env()` follow it (support/clock_shift.c).

    clock = clock.Clock(stack)
    stack.worker(env=clock.env()).start()
    clock.advance(7 * DAY)      # seconds; also back
    clock.now()                 # what the services read

`env` also tells an address sanitizer that it is not the first library. Monotonic clocks, and so time-outs, stay as they are.
"""

import mmap
import os
import struct
import time

NS = 10**9


class Clock:
    def __init__(self, stack, name="clock"):
        self.library = stack.bin.parent / "lib" / "libclock_shift.so"
        assert self.library.exists(), f"{self.library} is not built"
        self.path = stack.dir / name
        self.path.write_bytes(struct.pack("=q", 0))
        with open(self.path, "r+b") as file:
            self.map = mmap.mmap(file.fileno(), 8)
        stack.on_close(self.map.close)

    def env(self, more=None):
        """For services that are to follow; with `more` variables."""
        options = ":".join(filter(None, (os.environ.get("ASAN_OPTIONS"), "verify_asan_link_order=0")))
        return {"LD_PRELOAD": str(self.library), "CLOCK_SHIFT_FILE": str(self.path), "ASAN_OPTIONS": options, **(more or {})}

    def shift(self):
        """How far it is from the machine's, in seconds."""
        return struct.unpack("=q", self.map[:])[0] / NS

    def now_ms(self):
        return time.time_ns() // 10**6 + struct.unpack("=q", self.map[:])[0] // 10**6

    def now(self):
        return self.now_ms() // 1000

    def set_shift(self, seconds):
        self.map[:] = struct.pack("=q", round(seconds * NS))

    def set(self, unix):
        """The clock says `unix` now, and goes on from there."""
        self.set_shift(unix - time.time())

    def advance(self, seconds):
        self.set_shift(self.shift() + seconds)
