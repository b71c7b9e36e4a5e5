"""The socket that the server listens at; bound before anything slow is imported."""

from __future__ import annotations

import ipaddress
import socket

from insitu.core import InsituError


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
