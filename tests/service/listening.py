"""A real server on a real socket, in its own thread."""

from __future__ import annotations

import http.client
import json
import socket
import threading
import time
from typing import Any

from asking import Threads

from insitu import Memory
from insitu.service import server
from insitu.service.app import create_app
from insitu.service.context import Context
from insitu.service.limits import Limits
from insitu.service.listening import listen
from insitu.service.rules import AccessRules
from insitu.service.worker.backend import MemoryBackend
from insitu.service.worker.memories import Memories

LIMITS = Limits(rate=0, body_bytes=100_000, body_s=0.4)


class Running:
    """A server in a thread of its own."""

    def __init__(self, memory: Memory, rules: AccessRules | None = None, limits: Limits = LIMITS) -> None:
        rules = rules or AccessRules()
        self.memory, self.worker = memory, Threads(Memories(MemoryBackend(memory)), limits)
        context = Context(self.worker, limits)
        self.server = server.Server(create_app(context, rules), context, rules.proxies)
        self.listening = listen("127.0.0.1", 0)
        self.port: int = self.listening.getsockname()[1]
        self.thread = threading.Thread(target=self.server.run, args=([self.listening],))
        self.thread.start()
        while not self.server.started:
            time.sleep(0.01)

    def stop(self) -> None:
        self.server.should_exit = True
        self.thread.join(30)
        assert not self.thread.is_alive()
        self.worker.engine.close()
        self.listening.close()

    def connected(self, source: str = "127.0.0.1") -> http.client.HTTPConnection:
        """Return a connection from an address of the loopback network."""
        return http.client.HTTPConnection("127.0.0.1", self.port, timeout=30, source_address=(source, 0))

    def post(self, path: str, content: Any) -> Any:
        connection = self.connected()
        connection.request("POST", path, json.dumps(content), {"Content-Type": "application/json"})
        reply = connection.getresponse()
        out = json.loads(reply.read())
        connection.close()
        return out

    def said(self, *pieces: bytes, gap_s: float = 0.0) -> bytes:
        """Send pieces, and return all that comes back until the server closes the connection."""
        with socket.create_connection(("127.0.0.1", self.port), timeout=20) as plain:
            for piece in pieces:
                plain.sendall(piece)
                time.sleep(gap_s)
            out = b""
            while received := plain.recv(65536):
                out += received
            return out
