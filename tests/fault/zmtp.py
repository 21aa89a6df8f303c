"""ZMTP by hand (RFC 37, RFC 15): peers that do what libzmq's own would not, or would die of."""

import socket
import struct
import time

MORE, LONG, COMMAND = 1, 2, 4
KINDS_2 = {b"PUB": 1, b"SUB": 2, b"REQ": 3, b"REP": 4, b"DEALER": 5, b"ROUTER": 6}
GREETING = b"\xff" + bytes(8) + b"\x7f\x03\x01" + b"NULL".ljust(20, b"\0") + bytes(32)


def greeting_2(kind=b"DEALER"):
    """ZMTP 2's: what follows is the identity's frame, and then messages."""
    return GREETING[:10] + bytes([1, KINDS_2[kind]])


def frame(body=b"", more=False, command=False, size=None):
    """One frame; `size`: what its header says, when that is to be a lie."""
    size = len(body) if size is None else size
    flags = (MORE if more else 0) | (COMMAND if command else 0)
    if size > 255:
        return bytes([flags | LONG]) + struct.pack(">Q", size) + body
    return bytes([flags, size]) + body


def message(*frames):
    return b"".join(frame(body, more=i + 1 < len(frames)) for i, body in enumerate(frames))


def command(name, body=b""):
    return frame(bytes([len(name)]) + name + body, command=True)


def subscribe(prefix):
    return command(b"SUBSCRIBE", prefix)


def ping(ttl_tenths=0, context=b""):
    return command(b"PING", struct.pack(">H", ttl_tenths) + context)


def ready(kind=b"DEALER", **properties):
    body = b""
    for name, value in [("Socket-Type", kind), *properties.items()]:
        name = name.replace("_", "-").encode()
        body += bytes([len(name)]) + name + struct.pack(">I", len(value)) + value
    return command(b"READY", body)


def connect(endpoint, timeout=60):
    """A bare connection, with nothing said yet."""
    scheme, place = endpoint.split("://", 1)
    if scheme == "ipc":
        s = socket.socket(socket.AF_UNIX)
        s.settimeout(timeout)
        deadline = time.monotonic() + timeout
        while True:
            try:
                s.connect(place)
                break
            except BlockingIOError:  # the queue of those who wait to be accepted is full
                if time.monotonic() > deadline:
                    s.close()
                    raise
                time.sleep(0.005)
    else:
        host, port = place.rsplit(":", 1)
        s = socket.create_connection((host, int(port)), timeout)
    return s


class Peer:
    """A connection that has shaken hands. What it is sent stays unread until read_frame is called. old: with ZMTP 2. tries: who
    stands still for three seconds in the middle of a handshake is cut, and comes again."""

    def __init__(self, endpoint, kind=b"DEALER", timeout=60, receive_buffer=None, old=False, tries=5):
        for left in reversed(range(tries)):
            self.socket = connect(endpoint, timeout)
            if receive_buffer:
                self.socket.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, receive_buffer)
            try:
                self._shake_hands(kind, old)
                return
            except OSError as error:
                self.socket.close()
                if not left or isinstance(error, TimeoutError):
                    raise

    def _shake_hands(self, kind, old):
        if old:
            self.socket.sendall(greeting_2(kind) + frame())
            self._read(12)
        else:
            self.socket.sendall(GREETING)
            self._read(len(GREETING))
            self.socket.sendall(ready(kind))
        self.read_frame()

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.close()

    def close(self):
        self.socket.close()

    def _read(self, n):
        data = b""
        while len(data) < n:
            piece = self.socket.recv(n - len(data))
            if not piece:
                raise ConnectionResetError("the server has hung up")
            data += piece
        return data

    def read_frame(self):
        """(flags, body)"""
        flags = self._read(1)[0]
        size = struct.unpack(">Q", self._read(8))[0] if flags & LONG else self._read(1)[0]
        return flags, self._read(size)

    def read_message(self):
        """The frames of one message; what is a command is passed over."""
        frames = []
        while True:
            flags, body = self.read_frame()
            if flags & COMMAND:
                continue
            frames.append(body)
            if not flags & MORE:
                return frames

    def send(self, data):
        """False: the server has hung up. A server that does not read for `timeout` raises TimeoutError."""
        try:
            self.socket.sendall(data)
            return True
        except TimeoutError:
            raise
        except OSError:
            return False

    def send_some(self, data, seconds=0.2):
        """As much as goes until nothing went for so long; how much, and whether the server is still there."""
        was = self.socket.gettimeout()
        self.socket.settimeout(seconds)
        sent = 0
        view = memoryview(data)
        try:
            while sent < len(data):
                sent += self.socket.send(view[sent:sent + 65536])
        except TimeoutError:
            pass
        except OSError:
            return sent, False
        finally:
            self.socket.settimeout(was)
        return sent, True

    def hung_up(self, seconds=0.05):
        """Has the server closed it? Reads and drops what is there, and what comes within so long."""
        was = self.socket.gettimeout()
        self.socket.settimeout(seconds)
        try:
            while self.socket.recv(65536):
                pass
            return True
        except (TimeoutError, BlockingIOError):
            return False
        except OSError:
            return True
        finally:
            self.socket.settimeout(was)
