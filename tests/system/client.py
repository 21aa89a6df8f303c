"""libtiergate in a process of its own (client_probe.c), driven over its standard input."""

import json
import subprocess

import harness

OK, FALLBACK, REFUSED, USAGE, MEMORY = range(5)
NOBODY, SERVER, CACHE, POLICY, LAST_KNOWN = range(5)
NO_ERROR, NO_SERVER, TIMED_OUT, KEY_UNKNOWN, NOT_READY, WRONG_QUESTION, BAD_REPLY = range(7)


class Client:
    def __init__(self, stack, *policies, **options):
        words = [f"{name}={value}" for name, value in options.items()] + [f"policy={p}" for p in policies]
        self.popen = subprocess.Popen(
            ["setpriv", "--pdeathsig", "KILL", stack.bin.parent / "tests" / "system" / "client_probe", *words],
            stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, cwd=stack.dir, env=harness.clean_environment())
        stack.on_close(self.close)
        self.opened = json.loads(self.popen.stdout.readline())

    def say(self, *words):
        self.popen.stdin.write(" ".join(map(str, words)) + "\n")
        self.popen.stdin.flush()
        line = self.popen.stdout.readline()
        assert line, f"the client ended: {self.popen.wait()}"
        return json.loads(line)

    def wait(self, seconds=60):
        return self.say("wait", seconds * 1000)

    def check(self, subject, feature):
        return self.say("check", subject, "feat", feature)

    def get(self, subject, now=False):
        return self.say("now" if now else "get", subject)

    def counts(self):
        return self.say("counts")

    def close(self):
        """The exit code."""
        if self.popen.stdin.closed:
            return self.popen.returncode
        self.popen.stdin.close()
        code = self.popen.wait(60)
        self.popen.stdout.close()
        return code
