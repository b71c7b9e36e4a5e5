"""Connections: how many there are, how many of one address, and which are closed when there are too many.

A connection that waits for a request costs its client nothing, so whoever opens many could keep others out. When there
are too many, of all or of one address, the one that has waited longest is closed for the new one; only where all of
them are being answered is the new one refused.
"""

from __future__ import annotations

import asyncio
from collections import Counter
from typing import Any

import h11
from uvicorn.protocols.http.h11_impl import H11Protocol

from insitu.service.limits import network_of
from insitu.service.proxies import Network, is_trusted

HEAD_S = 10.0  # until the head of a request is there
IDLE_S = 10  # that a connection may be kept without a request
CONNECTIONS = 256  # of all clients together
OF_ONE = 64  # of one address; a page opens six


class Table:
    """The connections of a server; a trusted proxy may have any share of them, since it stands for many clients."""

    def __init__(self, proxies: tuple[Network, ...] = ()) -> None:
        self._proxies = proxies
        self._open: dict[Connection, str] = {}  # and whose it is, in the order of their last request
        self._of: Counter[str] = Counter()

    def admit(self, new: Connection) -> bool:
        """Take a connection in, where need be in place of one that waits; return whether there was room."""
        host = new.client[0] if new.client else ""
        whose = network_of(host)
        if self._of[whose] >= OF_ONE and not is_trusted(host, self._proxies) and not self._close_waiting(whose):
            return False
        if len(self._open) >= CONNECTIONS and not self._close_waiting():
            return False
        self._open[new] = whose
        self._of[whose] += 1
        return True

    def used(self, connection: Connection) -> None:
        """Note that a connection was just used."""
        if connection in self._open:
            self._open[connection] = self._open.pop(connection)

    def remove(self, connection: Connection) -> None:
        """Forget a connection."""
        whose = self._open.pop(connection, None)
        if whose is not None:
            self._of[whose] -= 1
            if not self._of[whose]:
                del self._of[whose]

    def _close_waiting(self, whose: str | None = None) -> bool:
        for connection, owner in self._open.items():
            if whose in (None, owner) and connection.waits:
                self.remove(connection)
                connection.transport.abort()
                return True
        return False


class Connection(H11Protocol):
    """HTTP/1.1 that lets go of clients whose request does not come."""

    _late: asyncio.TimerHandle | None = None

    def __init__(self, *args: Any, table: Table, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self._table = table

    @property
    def waits(self) -> bool:
        """Whether no request is being answered."""
        return self.cycle is None or self.cycle.response_complete

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        """Wait for a request's head."""
        super().connection_made(transport)
        if self._table.admit(self):
            self._late = self.loop.call_later(HEAD_S, transport.abort)
        else:
            transport.abort()

    def data_received(self, data: bytes) -> None:
        """Take in a piece of a request."""
        super().data_received(data)
        self._table.used(self)
        begun = self.conn.their_state is h11.IDLE and bool(self.conn.trailing_data[0])
        if self._late is not None and not begun:
            self._late.cancel()
            self._late = None
        elif self._late is None and begun:
            self._late = self.loop.call_later(HEAD_S, self.transport.abort)

    def connection_lost(self, exc: Exception | None) -> None:
        """Forget the clock."""
        self._table.remove(self)
        if self._late is not None:
            self._late.cancel()
        super().connection_lost(exc)
