"""Starts the worker process, starts it again when it is lost, and ends it."""

from __future__ import annotations

import asyncio
import logging
import os
import socket
import subprocess
import sys
from collections.abc import Callable
from dataclasses import asdict
from pathlib import Path
from typing import Any, Literal, cast

from starlette.exceptions import HTTPException

import insitu
from insitu.core import InsituError
from insitu.service.limits import Limits
from insitu.service.worker.caller import Caller
from insitu.service.worker.messages import Message, Unpacker, pack

log = logging.getLogger("insitu.server")

STARTS = 3  # in a row that end before the worker is ready
PAUSE_S = 0.5  # before the second of them
CODE = (
    "import sys; sys.path.append(sys.argv[2]); from insitu.service.worker.process import main; main(int(sys.argv[1]))"
)
# threads of libraries would compete with those of the worker; an arena per thread would hold memory that none uses
ENVIRONMENT = {"OMP_NUM_THREADS": "1", "NUMBA_NUM_THREADS": "1", "MALLOC_ARENA_MAX": "2"}
Kind = Literal["memory", "folder", "shards"]  # one memory, those of a folder, or the one that is spread over shards
LOST = "the process that computes was lost and is being restarted; a change may be stored or not: look before a retry"


class Supervisor(Caller):
    """The worker process. ``changed`` is called once it is ready, and where it cannot be started (``error``)."""

    def __init__(self, path: Path | None, kind: Kind, given: dict[str, Any], limits: Limits) -> None:
        super().__init__()
        self.error: InsituError | None = None
        self.changed: Callable[[], None] = lambda: None
        self.is_folder = kind == "folder"
        place = None if path is None else str(path.absolute())
        self._configuration: Message = (place, kind, given, asdict(limits))
        self._failures = 0
        self._closing = False
        self._transport: asyncio.Transport | None = None
        self._unsent: list[bytes] = []
        self._start()

    @property
    def process_id(self) -> int:
        """The worker's process."""
        return self._process.pid

    async def connect(self) -> None:
        """Connect the running event loop with the worker."""
        _, link = await asyncio.get_running_loop().create_connection(lambda: _Link(self), sock=self._socket)
        self._transport, self._disconnected = link.transport, asyncio.Event()
        self._transport.writelines(self._unsent)
        self._unsent.clear()

    async def disconnect(self) -> None:
        """End the connection; the worker finishes what it was sent, and ends."""
        self._closing = True
        if self._transport is not None:
            self._transport.close()
            await self._disconnected.wait()

    def close(self) -> None:
        """Wait until the worker has closed its files; the event loop has ended before."""
        self._closing = True
        self._socket.close()
        if not self.ready:
            self._process.terminate()  # ignored once the worker has files open
        self._process.wait()

    def received(self, message: Message) -> None:
        """Process a message of the worker."""
        if message[0] == "failed":
            _, text, is_disk = message
            self.error = InsituError(text)
            self.error.__cause__ = OSError(text) if is_disk else None
        super().received(message)
        if message[0] in ("ready", "failed"):
            self._failures = 0
            self.changed()

    def lost(self) -> None:
        """Fail what waits, and start another worker."""
        self._transport = None
        self._disconnected.set()
        self.states.clear()
        if self._closing or self.error is not None:
            self.fail_all(HTTPException(503, "the server is stopping", {"retry-after": "5"}))
            return
        self.ready = False
        self._process.kill()
        log.error("the worker process ended with code %s; starting another", self._process.wait())
        self.fail_all(HTTPException(503, LOST, {"retry-after": "1"}))
        self._failures += 1
        self.restarts += 1
        if self._failures >= STARTS:
            self.error = InsituError(f"the worker process ended {STARTS} times as it started; see its messages above")
            self.changed()
            return
        asyncio.get_running_loop().call_later(PAUSE_S * (self._failures - 1), self._restart)

    def _restart(self) -> None:
        if not self._closing:
            self._start()
            self._connecting = asyncio.ensure_future(self.connect())

    def _start(self) -> None:
        self._socket, other = socket.socketpair()
        command = [sys.executable, "-P", "-c", CODE, str(other.fileno()), str(Path(insitu.__file__).parents[1])]
        with other:
            self._process = subprocess.Popen(
                command, pass_fds=[other.fileno()], env=ENVIRONMENT | os.environ, stdin=subprocess.DEVNULL
            )
        self._unsent.insert(0, pack(self._configuration))

    def _send(self, message: Message) -> None:
        if self.error is not None:
            self.fail_all(HTTPException(503, "the server is stopping", {"retry-after": "5"}))
        elif self._transport is None:
            self._unsent.append(pack(message))
        else:
            self._transport.write(pack(message))


class _Link(asyncio.Protocol):
    """The front's end of the socket."""

    transport: asyncio.Transport

    def __init__(self, supervisor: Supervisor) -> None:
        self._supervisor, self._unpacker = supervisor, Unpacker()

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self.transport = cast(asyncio.Transport, transport)  # uvloop's are of other classes

    def data_received(self, data: bytes) -> None:
        for message in self._unpacker.feed(data):
            self._supervisor.received(message)

    def connection_lost(self, exc: Exception | None) -> None:
        self._supervisor.lost()
