"""A uvicorn server that connects with the worker, and finishes accepted requests before it stops."""

from __future__ import annotations

import gc
import socket
from functools import partial
from types import FrameType
from typing import cast

import uvicorn
from starlette.types import ASGIApp

from insitu.service.connections import IDLE_S, Connection, ConnectionTable, fastest
from insitu.service.context import Context
from insitu.service.proxies import Network

STOP_S = 30  # for accepted requests to finish when the server stops


class Server(uvicorn.Server):
    """Stops at the first signal once accepted requests are finished; at the second one immediately."""

    def __init__(self, app: ASGIApp, context: Context, proxies: tuple[Network, ...] = ()) -> None:
        super().__init__(
            uvicorn.Config(
                app,
                http=partial(fastest(), table=ConnectionTable(proxies)),  # type: ignore[arg-type]  # called like a class
                loop="auto",  # uvloop where it is installed
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
        self.context = context
        self.interrupted_by = 0  # the signal that stopped it before all requests were finished
        self._last_signal = 0

    def handle_exit(self, sig: int, frame: FrameType | None) -> None:
        """Stop the server; unlike in uvicorn, the signal is not raised again afterwards."""
        self._last_signal = sig
        self.force_exit = self.should_exit
        self.should_exit = True

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        """Connect with the worker, and accept requests."""
        await self.context.worker.connect()
        await super().startup(sockets)
        gc.freeze()  # garbage collections leave out the objects of libraries, among which there is no garbage

    async def shutdown(self, sockets: list[socket.socket] | None = None) -> None:
        """End event streams, which would never finish, and wait for all other requests."""
        self.context.end_streams()
        await super().shutdown(sockets)
        if self.force_exit and not all(cast(Connection, each).is_idle for each in self.server_state.connections):
            self.interrupted_by = self._last_signal
        await self.context.worker.disconnect()
