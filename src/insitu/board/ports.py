"""Serial ports: those of pyserial (extra ``device``), or any object with the same few methods."""

from __future__ import annotations

import errno
import os
import socket
from typing import Protocol, cast
from urllib.parse import urlsplit

from insitu.core import InsituError, install_hint

WAIT_S, WRITE_S = 0.05, 0.5  # that a read waits for the first byte; that a write waits where the line takes no more


class Port(Protocol):
    """What is used of a serial port."""

    @property
    def in_waiting(self) -> int:
        """Bytes that can be read at once."""

    def read(self, size: int = 1, /) -> bytes:
        """Return up to ``size`` bytes; wait a while for the first, not for ever."""

    def write(self, data: bytes, /) -> int | None:
        """Send bytes; raise ``TimeoutError`` where the line does not take them, rather than wait for ever."""

    def close(self) -> None:
        """Give the port back."""


def open_port(name: str, baud: int) -> Port:
    """Open a device such as /dev/ttyACM0, COM3 or QEMU's /dev/pts/3, or a URL of pyserial: socket://host:port."""
    try:
        import serial
    except ImportError as error:
        raise InsituError(f"a serial port needs pyserial: {install_hint('device')}") from error
    _check(name)
    try:
        return cast(Port, serial.serial_for_url(name, baudrate=baud, timeout=WAIT_S, write_timeout=WRITE_S))
    except (OSError, ValueError) as error:
        raise InsituError(_reason(name, error)) from error


def timed_out(error: OSError) -> bool:
    """Return whether a write did not end in time, rather than fail."""
    return isinstance(error, TimeoutError) or type(error).__name__ == "SerialTimeoutException"  # of pyserial


def _check(name: str) -> None:
    """Raise where a URL of a socket lacks host or port."""
    if name.partition("://")[0] != "socket":
        return
    try:
        where = urlsplit(name)
        whole = bool(where.hostname and where.port)
    except ValueError:  # no number, or one beyond 65535
        whole = False
    if not whole:
        raise InsituError(f"a port of the network is socket://host:port, such as socket://localhost:4000; got {name}")


def _reason(name: str, error: Exception) -> str:
    """Return what is wrong with a port and what to do; pyserial's own text is long and has the cause in it as text."""
    cause = error if getattr(error, "errno", None) else error.__context__ or error
    first = cause.args[0] if cause.args else None
    code = first if isinstance(first, int) else None
    if name.startswith("socket://"):
        where = name.removeprefix("socket://")
        if isinstance(cause, socket.gaierror):
            return f"there is no host {urlsplit(name).hostname}; give socket://host:port of one that can be reached"
        why = os.strerror(code) if code else "no answer"
        return f"nothing takes connections at {where} ({why}); start what serves the board there, or give another port"
    if code == errno.ENOENT:
        return f"there is no serial port {name}; {_others()}"
    if code in (errno.EACCES, errno.EPERM):
        return f"no permission to open {name}; on Linux, add your user to its group, often dialout, and log in again"
    if code == errno.EBUSY:
        return f"{name} is in use by another program; close that first"
    if code in (errno.ENOTTY, errno.EISDIR, errno.EINVAL, errno.ENXIO):
        return f"{name} is no serial port; {_others()}"
    return f"could not open {name}: {os.strerror(code) if code else error}; give a serial port or socket://host:port"


def _others() -> str:
    from serial.tools.list_ports import comports

    found = ", ".join(sorted(port.device for port in comports()))
    return f"ports here: {found}" if found else "none is connected here; give the path of one, or socket://host:port"
