"""Runs the service: a socket, and a server that lets what it accepted come to an end."""

from __future__ import annotations

import ipaddress
import socket
from functools import partial
from types import FrameType
from typing import cast

import numpy as np
import torch
import uvicorn
from starlette.types import ASGIApp

from insitu.core import InsituError
from insitu.memory import Memory
from insitu.service.connections import IDLE_S, Connection, Table
from insitu.service.events import Hub
from insitu.service.proxies import Network

STOP_S = 30  # that accepted requests have when the server stops


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

    def __init__(self, app: ASGIApp, hub: Hub, proxies: tuple[Network, ...] = ()) -> None:
        super().__init__(
            uvicorn.Config(
                app,
                http=partial(Connection, table=Table(proxies)),  # type: ignore[arg-type]  # as good as a class here
                ws="none",
                lifespan="off",
                log_level="error",
                access_log=False,
                server_header=False,
                proxy_headers=False,  # the application reads them, and of proxies that are trusted alone
                timeout_keep_alive=IDLE_S,
                timeout_graceful_shutdown=STOP_S,
            )
        )
        self.hub = hub
        self.cut_by = 0  # the signal that stopped it while requests were still answered
        self._last = 0  # signal

    def handle_exit(self, sig: int, frame: FrameType | None) -> None:
        """Ask the server to stop; the signal is not raised again when it has."""
        self._last = sig
        self.force_exit = self.should_exit
        self.should_exit = True

    async def shutdown(self, sockets: list[socket.socket] | None = None) -> None:
        """End streams, which would go on forever, and wait for all other requests."""
        self.hub.close()
        await super().shutdown(sockets)
        if self.force_exit and not all(cast(Connection, each).waits for each in self.server_state.connections):
            self.cut_by = self._last
