"""proto/examples as programs that the tests can ask: of each language whose tools are here."""

import os
import pathlib
import select
import shutil
import subprocess
import unittest

import harness

INTEROP = harness.ROOT / "tests" / "interop"
SOURCES = harness.ROOT / "proto" / "examples"
BUILD_S = 480  # another test may build it at this moment
KINDS = ("c", "python", "node", "go", "java", "rust")


def _built(build, kind):
    place = pathlib.Path(build).resolve() / "examples" / kind
    done = subprocess.run([INTEROP / "build_example.sh", kind, place], timeout=BUILD_S, capture_output=True, text=True, check=False,
                          env=harness.clean_environment())
    if done.returncode == 77:
        raise unittest.SkipTest(done.stdout.strip())
    if done.returncode:
        raise AssertionError(f"{kind}: {done.stdout}{done.stderr}")
    return [place / "check"]


def command(build, kind, place):
    """How that example is run; SkipTest where it cannot be. place: a directory for it alone."""
    if kind == "c":
        program = pathlib.Path(build).resolve() / "tests" / "interop" / "interop_check_c"
        if not program.exists():
            raise unittest.SkipTest("interop_check_c is not built")
        return [program]
    if kind == "python":
        return ["/usr/bin/python3", SOURCES / "check.py"]
    if kind == "node":
        if not (INTEROP / "node_modules" / "zeromq").is_dir() or not shutil.which("node"):
            raise unittest.SkipTest("node or the packages of tests/interop are not installed")
        shutil.copy(SOURCES / "check.mjs", place)  # a module finds its packages beside itself
        os.symlink(INTEROP / "node_modules", place / "node_modules")
        return ["node", place / "check.mjs"]
    return _built(build, kind)


def excused(said):
    """No answer, though nothing is wrong: somebody stood still for longer than an example waits, or the service has just begun."""
    return said[0] == "error" and said[1] in ("timeout", "not_ready", "overloaded")


def sure(example, subject, tries=20):
    """The first answer that says something of the subject; a server is there."""
    for _ in range(tries):
        said = example.ask(subject)
        if not excused(said):
            return said
    raise harness.Late(f"{example.kind}: after {tries} questions about {subject} still {said}")


class Example:
    """One that is asked subject after subject."""

    def __init__(self, kind, words, endpoint, feature):
        self.kind = kind
        self.process = subprocess.Popen(["setpriv", "--pdeathsig", "KILL", *map(str, words), endpoint, "-", feature], text=True,
                                        stdin=subprocess.PIPE, stdout=subprocess.PIPE, env=harness.clean_environment())

    def send(self, subject):
        self.process.stdin.write(subject + "\n")
        self.process.stdin.flush()

    def receive(self, seconds):
        """Its answer: ["allowed", reason, tier], ["denied", …] or ["error", code, …]."""
        if not select.select([self.process.stdout], [], [], seconds)[0]:
            raise harness.Late(f"{self.kind}: no answer within {seconds} s")
        line = self.process.stdout.readline()
        assert line, f"{self.kind} has ended with {self.process.wait(60)}"
        words = line.split()
        assert words[0] in ("allowed", "denied", "error"), line
        return words

    def ask(self, subject, seconds=60):
        self.send(subject)
        return self.receive(seconds)

    def close(self):
        self.process.stdin.close()
        try:
            code = self.process.wait(60)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()
            raise
        finally:
            self.process.stdout.close()
        assert code == 0, f"{self.kind} exits with {code}"
