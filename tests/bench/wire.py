"""The least of a PostgreSQL client: opens a session over TLS, runs simple queries, and throws results away as they come, so
that the client costs next to nothing beside what is measured. Measures nothing itself.
"""

import base64
import hashlib
import hmac
import os
import socket
import struct

CHUNK = 1 << 20


class Failed(Exception):
    """The server said no."""


class PgClient:
    """One session."""

    def __init__(self, port, user, password, tls, database="demo"):
        raw = socket.create_connection(("127.0.0.1", port), timeout=60)
        raw.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        raw.sendall(struct.pack("!II", 8, 80877103))
        if raw.recv(1) != b"S":
            raise Failed("the server does not speak TLS")
        self.socket = tls.wrap_socket(raw, server_hostname="localhost")
        words = b"".join(word.encode() + b"\0" for word in ("user", user, "database", database)) + b"\0"
        self.socket.sendall(struct.pack("!II", len(words) + 8, 196608) + words)
        self._login(password)

    def _login(self, password):
        nonce = base64.b64encode(os.urandom(18)).decode()
        while True:
            tag, body = self._message()
            if tag == b"Z":
                return
            if tag == b"E":
                raise Failed(body.replace(b"\0", b" ").decode(errors="replace"))
            if tag != b"R":
                continue
            kind = struct.unpack("!I", body[:4])[0]
            if kind == 3:
                self._send(b"p", password.encode() + b"\0")
            elif kind == 10:
                first = f"n,,n=,r={nonce}".encode()
                self._send(b"p", b"SCRAM-SHA-256\0" + struct.pack("!I", len(first)) + first)
            elif kind == 11:
                self._send(b"p", proof(password, nonce, body[4:].decode()))

    def _send(self, tag, body):
        self.socket.sendall(tag + struct.pack("!I", len(body) + 4) + body)

    def _exactly(self, count):
        parts = []
        while count:
            part = self.socket.recv(count)
            if not part:
                raise Failed("the server closed the connection")
            parts.append(part)
            count -= len(part)
        return b"".join(parts)

    def _message(self):
        head = self._exactly(5)
        return head[:1], self._exactly(struct.unpack("!I", head[1:])[0] - 4)

    def drain(self, sql):
        """Runs the query; the bytes of its result, and its first 64 KiB. Data is not looked at, only counted: the result
        is over when the bytes end like ReadyForQuery."""
        self._send(b"Q", sql.encode() + b"\0")
        count, first, tail = 0, b"", b""
        while True:
            data = self.socket.recv(CHUNK)
            if not data:
                raise Failed("the server closed the connection")
            count += len(data)
            if len(first) < 65536:
                first += data[:65536]
            tail = (tail + data)[-6:] if len(data) < 6 else data[-6:]
            if tail == b"Z\0\0\0\x05I":
                if first[:1] == b"E":
                    raise Failed(first.replace(b"\0", b" ").decode(errors="replace"))
                return count, first

    def close(self):
        self.socket.close()


def proof(password, nonce, challenge):
    """The client's final message of SCRAM-SHA-256 (RFC 5802)."""
    fields = dict(field.split("=", 1) for field in challenge.split(","))
    salted = hashlib.pbkdf2_hmac("sha256", password.encode(), base64.b64decode(fields["s"]), int(fields["i"]))
    bare = f"c=biws,r={fields['r']}"
    signed = f"n=,r={nonce},{challenge},{bare}".encode()
    client_key = hmac.digest(salted, b"Client Key", "sha256")
    signature = hmac.digest(hashlib.sha256(client_key).digest(), signed, "sha256")
    bits = bytes(left ^ right for left, right in zip(client_key, signature))
    return f"{bare},p={base64.b64encode(bits).decode()}".encode()
