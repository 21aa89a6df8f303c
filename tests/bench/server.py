"""The processes that are measured."""
import os
import re
import signal
import subprocess
import sys
import time


class Server:
    """A process with its log; ended by its id, never by name."""

    all = []

    def __init__(self, name, argv, cwd, ready=None):
        self.name, self.log = name, open(os.path.join(cwd, name + ".log"), "wb+")
        self.process = subprocess.Popen(argv, cwd=cwd, stdout=self.log, stderr=self.log, stdin=subprocess.DEVNULL)
        self.peak_kb, self.fields = 0, {}
        Server.all.append(self)
        if ready:
            self.wait_for(ready)

    def text(self):
        with open(self.log.name, "rb") as f:
            return f.read().decode(errors="replace")

    def wait_for(self, pattern, seconds=30):
        end = time.monotonic() + seconds
        while time.monotonic() < end:
            found = re.search(pattern, self.text())
            if found:
                self.fields = dict(re.findall(r"(\w+)=(\S+)", self.text()))
                return found
            if self.process.poll() is not None:
                break
            time.sleep(0.02)
        sys.exit(f"bench: {self.name} did not become ready:\n{self.text()}")

    def sample(self):
        try:
            with open(f"/proc/{self.process.pid}/status") as f:
                kb = int(re.search(r"RssAnon:\s+(\d+)", f.read()).group(1))
            self.peak_kb = max(self.peak_kb, kb)
        except (OSError, AttributeError):
            pass

    def cpu_s(self):
        """User and system time of all its threads so far."""
        with open(f"/proc/{self.process.pid}/stat") as f:
            fields = f.read().rsplit(")", 1)[1].split()
        return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")

    def stop(self):
        self.sample()
        if self.process.poll() is None:
            self.process.send_signal(signal.SIGTERM)
            try:
                self.process.wait(20)
            except subprocess.TimeoutExpired:
                self.process.kill()
                self.process.wait()
        self.log.close()
        Server.all.remove(self)
