"""Limits on the number of connections, in total and per address, and on the time without a request.

An idle connection costs its client nothing, so one client could lock out all others. Above a limit, the connection that
has been idle longest is closed in favour of the new one; the new one is refused only if none is idle.
"""

from __future__ import annotations

import asyncio
from abc import ABC, abstractmethod
from collections import Counter
from typing import Any

import h11
from uvicorn.protocols.http.h11_impl import H11Protocol

from insitu.service.proxies import Network, is_trusted, network_of

HEAD_S = 10.0  # for the head of a request to arrive
IDLE_S = 10  # before a connection without a request is closed
CONNECTIONS = 256  # of all clients together
PER_ADDRESS = 64  # a page opens six


class ConnectionTable:
    """The connections of a server; a trusted proxy may have any share of them, since it stands for many clients."""

    def __init__(self, proxies: tuple[Network, ...] = ()) -> None:
        self._proxies = proxies
        self._open: dict[Connection, str] = {}  # with the network of each, in the order of their last request
        self._count: Counter[str] = Counter()

    def admit(self, new: Connection) -> bool:
        """Add a connection, closing an idle one if necessary; return whether there was room."""
        host = new.client[0] if new.client else ""
        network = network_of(host)
        at_limit = self._count[network] >= PER_ADDRESS and not is_trusted(host, self._proxies)
        if at_limit and not self._close_idle(network):
            return False
        if len(self._open) >= CONNECTIONS and not self._close_idle():
            return False
        self._open[new] = network
        self._count[network] += 1
        return True

    def mark_used(self, connection: Connection) -> None:
        """Move a connection to the end of the order."""
        if connection in self._open:
            self._open[connection] = self._open.pop(connection)

    def remove(self, connection: Connection) -> None:
        """Remove a connection."""
        network = self._open.pop(connection, None)
        if network is not None:
            self._count[network] -= 1
            if not self._count[network]:
                del self._count[network]

    def _close_idle(self, network: str | None = None) -> bool:
        for connection, owner in self._open.items():
            if network in (None, owner) and connection.is_idle:
                self.remove(connection)
                connection.transport.abort()
                return True
        return False


class Connection(asyncio.Protocol, ABC):
    """What both parsers of HTTP/1.1 have in common: clients whose request does not arrive in time are disconnected."""

    cycle: Any  # of the latest request
    client: tuple[str, int] | None
    loop: asyncio.AbstractEventLoop
    transport: asyncio.Transport
    _deadline: asyncio.TimerHandle | None = None

    def __init__(self, *args: Any, table: ConnectionTable, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self._table = table

    @property
    def is_idle(self) -> bool:
        """Whether no request is being answered."""
        return self.cycle is None or self.cycle.response_complete

    @property
    @abstractmethod
    def has_partial_head(self) -> bool:
        """Whether the head of a request has begun and is not complete."""

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        """Start the deadline for the head of a request."""
        super().connection_made(transport)
        if self._table.admit(self):
            self._deadline = self.loop.call_later(HEAD_S, transport.abort)
        else:
            transport.abort()

    def data_received(self, data: bytes) -> None:
        """Process data; stop the deadline when a head is complete, start one when the next head begins."""
        super().data_received(data)
        self._table.mark_used(self)
        partial = self.has_partial_head
        if self._deadline is not None and not partial:
            self._deadline.cancel()
            self._deadline = None
        elif self._deadline is None and partial:
            self._deadline = self.loop.call_later(HEAD_S, self.transport.abort)

    def connection_lost(self, exc: Exception | None) -> None:
        """Cancel the deadline."""
        self._table.remove(self)
        if self._deadline is not None:
            self._deadline.cancel()
        super().connection_lost(exc)


class H11Connection(Connection, H11Protocol):
    """With the parser in Python that uvicorn needs anyway."""

    @property
    def has_partial_head(self) -> bool:
        """Whether the head of a request has begun and is not complete."""
        return self.conn.their_state is h11.IDLE and bool(self.conn.trailing_data[0])


def fastest() -> type[Connection]:
    """Return the kind of connection with the fastest parser that is installed."""
    try:
        from insitu.service.httptools_connection import HttpToolsConnection
    except ModuleNotFoundError:
        return H11Connection
    return HttpToolsConnection
