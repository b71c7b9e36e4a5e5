"""Messages between the two processes: tuples of plain values, each with its length in front.

Both ends are the same interpreter, so that its own serialisation of plain values serves: it runs no code of a message.
"""

from __future__ import annotations

import marshal
import socket
import struct
from collections.abc import Iterator
from typing import Any

HEAD = struct.Struct("<I")
PIECE = 2**18  # bytes of one read

Message = tuple[Any, ...]


def pack(message: Message) -> bytes:
    """Return a message as bytes to send."""
    data = marshal.dumps(message)
    return HEAD.pack(len(data)) + data


class Unpacker:
    """Puts messages together from the pieces that arrive."""

    def __init__(self) -> None:
        self._received = bytearray()

    def feed(self, piece: bytes) -> Iterator[Message]:
        """Yield the messages that are complete with this piece."""
        self._received += piece
        start, end = 0, len(self._received)
        while end - start >= HEAD.size:
            (length,) = HEAD.unpack_from(self._received, start)
            if end - start - HEAD.size < length:
                break
            start += HEAD.size
            yield marshal.loads(memoryview(self._received)[start : start + length].tobytes())
            start += length
        del self._received[:start]


def receive(connection: socket.socket) -> Iterator[Message]:
    """Yield messages until the other side has ended the connection."""
    unpacker = Unpacker()
    while piece := connection.recv(PIECE):
        yield from unpacker.feed(piece)
