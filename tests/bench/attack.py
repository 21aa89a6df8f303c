"""attack_p99.<attack>: p99 of 8 REQ clients while query is attacked, over their p99 when it is not; in turns, the best of each. The
attacker is a process of its own on the same machine, so that what it takes of the cores is in the figure. Run as a
program, it is that attacker: `attack.py ATTACK QUERY FEED`, until it is ended."""
import os
import resource
import subprocess
import sys
import time

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "fault"))

import zmtp

CLIENTS = 8
BATCH = bytes.fromhex("83a26f70a56261746368a2696401a6636865636b73dc0080") + bytes.fromhex(
    "82a3737562a7757365725f3432a474696572a370726f") * 128


def again(attack, *args):
    while True:
        try:
            attack(*args)
        except OSError:
            time.sleep(0.001)


def endless(query, _, body=b"x" * 4000, count=16):
    data = zmtp.frame(body, more=True) * count
    with zmtp.Peer(query) as peer:
        while peer.send(data):
            pass


def empty(query, feed):
    endless(query, feed, b"", 4000)


def churn(query, _):
    with zmtp.Peer(query) as peer:
        peer.send(zmtp.frame(b"TG01", more=True) + zmtp.frame(b"x" * 1000, size=60000))


def subscriptions(_, feed, topics=b"".join(zmtp.subscribe(bytes([i]) * 200) for i in range(64))):
    with zmtp.Peer(feed, kind=b"SUB") as peer:
        while peer.send(topics):
            pass


def connections(query, _):
    held = []
    try:
        while len(held) < 3000:
            held.append(zmtp.Peer(query))
    except OSError:
        time.sleep(0.5)
    for peer in held:
        peer.close()


def half_open(query, _):
    held = [zmtp.connect(query) for _ in range(1000)]
    time.sleep(0.5)
    for s in held:
        s.close()


def deaf(query, _):
    peers = [zmtp.Peer(query, receive_buffer=4096) for _ in range(8)]
    while True:
        for peer in peers:
            if not peer.send_some(zmtp.message(b"TG01", BATCH) * 20, 0.02)[1]:
                return


def flood(query, _):
    peers = [zmtp.Peer(query) for _ in range(4)]
    data = zmtp.message(b"TG01", BATCH) * 20
    while True:
        for peer in peers:
            if not peer.send_some(data, 0.005)[1]:
                return
            peer.hung_up(0)


ATTACKS = {f.__name__: f for f in (endless, empty, churn, subscriptions, connections, half_open, deaf, flood)}


def figures(bench):
    """Into bench.result and bench.detail."""
    os.makedirs(bench.path("attack", "data"))
    bench.load("store_seed", bench.path("attack", "data", "entitlements"), 1000, "bench")
    query, at = bench.query("attack")
    feed = query.fields["feed"]
    load = lambda: bench.load("check_load", "zmq", at, CLIENTS, bench.seconds, 1000, 0, "bench")
    for name in ATTACKS:
        calm, attacked = [], []
        for _ in range(max(bench.rounds, 2)):
            calm.append(load()["p99_us"])
            with subprocess.Popen([sys.executable, os.path.abspath(__file__), name, at, feed]) as attacker:
                try:
                    attacked.append(load()["p99_us"])
                finally:
                    attacker.kill()
        bench.result[f"attack_p99.{name}"] = min(attacked) / min(calm)
        bench.detail[f"attack_{name}"] = {"calm_p99_us": min(calm), "attacked_p99_us": min(attacked)}
    query.sample()
    bench.detail["attack_memory"] = {"peak_anon_mb": round(query.peak_kb / 1024)}
    query.stop()


def main():
    hard = resource.getrlimit(resource.RLIMIT_NOFILE)[1]
    resource.setrlimit(resource.RLIMIT_NOFILE, (min(hard, 8192), hard))
    again(ATTACKS[sys.argv[1]], sys.argv[2], sys.argv[3])


if __name__ == "__main__":
    main()
