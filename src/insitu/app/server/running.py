"""Runs the service: a socket, a server that lets what it accepted come to an end, and slow clients that it lets go."""

from __future__ import annotations

import asyncio
import ipaddress
import socket
from types import FrameType

import h11
import numpy as np
import torch
import uvicorn
from starlette.types import ASGIApp
from uvicorn.protocols.http.h11_impl import H11Protocol

from insitu.app.server.events import Hub
from insitu.core import InsituError
from insitu.memory import Memory

HEAD_S = 10.0  # until the head of a request is there
IDLE_S = 30  # that a connection may be kept without a request
STOP_S = 30  # that accepted requests have when the server stops
CONNECTIONS = 256


def bound(host: str, port: int) -> socket.socket:
    """Return a socket that listens at the address; raise ``InsituError`` where that is not possible."""
    try:
        family, kind, _, _, address = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE)[
            0
        ]
        made = socket.socket(family, kind)
    except OSError as error:
        raise InsituError(f"no address {host!r}: {error.strerror}; 127.0.0.1 is this machine") from error
    try:
        made.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        made.bind(address)
        made.listen(128)
    except OSError as error:
        made.close()
        raise InsituError(f"could not listen at {host}:{port}: {error.strerror}; give another --port") from error
    return made


def is_loopback(listening: socket.socket) -> bool:
    """Return whether only this machine reaches the socket."""
    return ipaddress.ip_address(listening.getsockname()[0].partition("%")[0]).is_loopback


def warm(memory: Memory) -> None:
    """Load and compile what the first question needs, on a memory that is thrown away."""
    torch.set_num_threads(1)  # one thread teaches, one answers
    other = Memory(**memory.get_params())
    x = np.zeros((2, 8, 8), np.uint8) if memory.backbone is not None else np.eye(2, 8)
    x[0, 0] = 1
    other.fit(x, ["a", "b"]).recall(x)
    other.partial_fit(x[:1], ["a"])


class Server(uvicorn.Server):
    """Stops at the first signal as soon as what it accepted is done; at the second at once."""

    def __init__(self, app: ASGIApp, hub: Hub) -> None:
        super().__init__(
            uvicorn.Config(
                app,
                http=Protocol,
                ws="none",
                lifespan="off",
                log_level="error",
                access_log=False,
                server_header=False,
                proxy_headers=False,  # who asks is who connects, whatever a header says
                timeout_keep_alive=IDLE_S,
                timeout_graceful_shutdown=STOP_S,
            )
        )
        self.hub = hub

    def handle_exit(self, sig: int, frame: FrameType | None) -> None:
        """Ask the server to stop; the signal is not raised again when it has."""
        self.force_exit = self.should_exit
        self.should_exit = True

    async def shutdown(self, sockets: list[socket.socket] | None = None) -> None:
        """End streams, which would go on forever, and wait for all other requests."""
        self.hub.close()
        await super().shutdown(sockets)


class Protocol(H11Protocol):
    """HTTP/1.1 that lets go of clients whose request does not come, and of those beyond ``CONNECTIONS``."""

    _late: asyncio.TimerHandle | None = None

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        """Wait for a request's head."""
        super().connection_made(transport)
        if len(self.connections) > CONNECTIONS:
            transport.abort()
        else:
            self._late = self.loop.call_later(HEAD_S, transport.abort)

    def data_received(self, data: bytes) -> None:
        """Take in a piece of a request."""
        super().data_received(data)
        begun = self.conn.their_state is h11.IDLE and bool(self.conn.trailing_data[0])
        if self._late is not None and not begun:
            self._late.cancel()
            self._late = None
        elif self._late is None and begun:
            self._late = self.loop.call_later(HEAD_S, self.transport.abort)

    def connection_lost(self, exc: Exception | None) -> None:
        """Forget the clock."""
        if self._late is not None:
            self._late.cancel()
        super().connection_lost(exc)
