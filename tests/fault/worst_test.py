"""All at once: what each attack may make query hold adds up, and no further. Bounds as in hostile_test.py and overload_test.py."""

import contextlib
import pathlib
import resource
import sys
import threading

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1] / "system"))

import harness
import msgpack
import zmtp
from attack import BATCH, MB, AttackTest, Bystander

UNFINISHED = 800
HALF_OPEN = 600
DEAF = 12
FLOODS = 8
SUBSCRIBERS = 40
ROUNDS = 12
# peers.h: all that waits to be taken, all replies that are not read, and one more for each peer; then the message that each
# peer has begun, and what a connection is to libzmq
BOUND_MB = 128 + 64 + (DEAF + FLOODS) // 8 + UNFINISHED * 68 // 1024 + (UNFINISHED + HALF_OPEN + 100) * 25 // 1024


class WorstTest(AttackTest):
    def unfinished(self, i):
        """Just below what is cut: 127 frames, and as many bytes as a message may have."""
        peer = self.peer((self.tcp, self.ipc)[i % 2], old=i % 4 == 0)
        peer.send(zmtp.frame(b"x" * 60000, more=True) + zmtp.frame(b"x" * 50, more=True) * 126)

    def half_open(self, i):
        s = zmtp.connect((self.tcp, self.ipc)[i % 2])
        self.stack.on_close(s.close)
        with contextlib.suppress(OSError):  # who stood still is cut before it says anything
            s.sendall(zmtp.greeting_2()[:i % 13] if i % 2 else zmtp.GREETING[:i % 64])

    def endless(self, ends):
        data = zmtp.frame(b"x" * 4000, more=True) * 16
        while not ends.is_set():
            try:
                with zmtp.Peer(self.tcp) as peer:
                    while not ends.is_set() and peer.send(data):
                        pass
            except OSError:
                pass

    def test_everything_together(self):
        self.start()
        hard = resource.getrlimit(resource.RLIMIT_NOFILE)[1]
        resource.setrlimit(resource.RLIMIT_NOFILE, (min(hard, 8192), hard))
        bystander = Bystander(self.ipc)
        bystander.more()
        before, most = self.memory_kb(), 0
        for i in range(UNFINISHED):
            self.unfinished(i)
        subscribers = [self.peer((self.feed_tcp, self.feed_ipc)[i % 2], kind=b"SUB", receive_buffer=4096) for i in range(SUBSCRIBERS)]
        for n, peer in enumerate(subscribers):
            peer.send(b"".join(zmtp.subscribe(b"%d_%d" % (n, k)) for k in range(60)))
        request = zmtp.message(b"TG01", msgpack.packb({**BATCH, "id": 1})) * 50
        deaf = [self.peer((self.tcp, self.ipc)[i % 2], receive_buffer=4096, old=i % 3 == 0) for i in range(DEAF)]
        floods = [self.peer((self.tcp, self.ipc)[i % 2]) for i in range(FLOODS)]
        ends = threading.Event()
        endless = [threading.Thread(target=self.endless, args=(ends,), daemon=True) for _ in range(2)]
        for thread in endless:
            thread.start()
        try:
            for n in range(ROUNDS):
                for i in range(HALF_OPEN // ROUNDS):
                    self.half_open(i)
                for peer in deaf:
                    peer.send_some(request, 0.01)
                for peer in floods:
                    peer.send_some(request, 0.01)
                    peer.hung_up(0)
                most = max(most, self.memory_kb() - before)
                if n % 4 == 3:
                    bystander.more(10)
        finally:
            ends.set()
            for thread in endless:
                thread.join(30)
        print(f"{most // MB} MB more than at rest, of {BOUND_MB} MB that the bounds add up to; "
              f"the slowest answer took {bystander.slowest:.2f} s", flush=True)
        if not self.stack.sanitized():
            self.assertLess(most, BOUND_MB * MB)
        self.wait_cut("query", "endless")
        bystander.more()
        self.assertEqual(bystander.end(), [])
        for peer in self.peers:
            peer.close()
        self.assert_calm()


if __name__ == "__main__":
    harness.main()
