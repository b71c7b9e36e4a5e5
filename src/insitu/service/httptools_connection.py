"""Connections with the parser of the package ``httptools``, a fifth of the work of the one in Python.

It does not limit the size of a head, and skips empty lines between requests: both are watched here.
"""

from __future__ import annotations

from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol

from insitu.service.connections import Connection

LONGEST_HEAD = 2**16  # bytes, as of the other parser


class HttpToolsConnection(Connection, HttpToolsProtocol):
    """HTTP/1.1 parsed by httptools."""

    _in_head = False
    _head_bytes = 0

    @property
    def is_idle(self) -> bool:
        """Whether no request is being answered, and none waits behind it."""
        return super().is_idle and not self.pipeline

    @property
    def has_partial_head(self) -> bool:
        """Whether the head of a request has begun, or only empty lines have arrived since the last one."""
        return self._in_head or (self.is_idle and self.timeout_keep_alive_task is None)

    def data_received(self, data: bytes) -> None:
        """Process data; close the connection where a head is too long."""
        super().data_received(data)
        self._head_bytes = self._head_bytes + len(data) if self.has_partial_head else 0
        if self._head_bytes > LONGEST_HEAD:
            self.transport.abort()

    def on_message_begin(self) -> None:
        """Note that a head begins."""
        self._in_head = True
        super().on_message_begin()

    def on_headers_complete(self) -> None:
        """Note that the head is complete."""
        self._in_head = False
        super().on_headers_complete()
