"""The server: its socket, and a uvicorn server that finishes accepted requests before it stops."""

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
from insitu.service.connections import IDLE_S, Connection, ConnectionTable
from insitu.service.events import EventHub
from insitu.service.proxies import Network

STOP_S = 30  # for accepted requests to finish when the server stops


def listen(host: str, port: int) -> socket.socket:
    """Return a socket that listens at the address; raise ``InsituError`` where that is not possible."""
    try:
        family, kind, _, _, address = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE)[
            0
        ]
        listening = socket.socket(family, kind)
    except OSError as error:
        raise InsituError(f"no address {host!r}: {error.strerror}; use 127.0.0.1 for this machine") from error
    try:
        listening.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        listening.bind(address)
        listening.listen(128)
    except OSError as error:
        listening.close()
        raise InsituError(f"cannot listen at {host}:{port}: {error.strerror}; give another --port") from error
    return listening


def is_loopback(listening: socket.socket) -> bool:
    """Return whether only this machine reaches the socket."""
    return ipaddress.ip_address(listening.getsockname()[0].partition("%")[0]).is_loopback


def warm_up(memory: Memory) -> None:
    """Load and compile what the first request needs, with a temporary memory of the same parameters."""
    torch.set_num_threads(1)  # the scheduler has threads of its own
    other = Memory(**memory.get_params())
    kind = other.settings.kind
    if kind != "images" and memory.encoder is not None:
        return  # what its items look like is not known
    x = np.zeros((2, 8, 8), np.uint8) if kind == "images" else np.eye(2, 8)
    x[0, 0] = 1
    other.fit(x, ["a", "b"]).query(x)
    other.partial_fit(x[:1], ["a"])


class Server(uvicorn.Server):
    """Stops at the first signal once accepted requests are finished; at the second one immediately."""

    def __init__(self, app: ASGIApp, hub: EventHub, proxies: tuple[Network, ...] = ()) -> None:
        super().__init__(
            uvicorn.Config(
                app,
                http=partial(Connection, table=ConnectionTable(proxies)),  # type: ignore[arg-type]  # called like a class
                ws="none",
                lifespan="off",
                log_level="error",
                access_log=False,
                server_header=False,
                proxy_headers=False,  # the application uses those of trusted proxies
                timeout_keep_alive=IDLE_S,
                timeout_graceful_shutdown=STOP_S,
            )
        )
        self.hub = hub
        self.interrupted_by = 0  # the signal that stopped it before all requests were finished
        self._last_signal = 0

    def handle_exit(self, sig: int, frame: FrameType | None) -> None:
        """Stop the server; unlike in uvicorn, the signal is not raised again afterwards."""
        self._last_signal = sig
        self.force_exit = self.should_exit
        self.should_exit = True

    async def shutdown(self, sockets: list[socket.socket] | None = None) -> None:
        """End event streams, which would never finish, and wait for all other requests."""
        self.hub.close()
        await super().shutdown(sockets)
        if self.force_exit and not all(cast(Connection, each).is_idle for each in self.server_state.connections):
            self.interrupted_by = self._last_signal
