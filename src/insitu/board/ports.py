"""Serial ports: those of pyserial (extra ``device``), or any object with the same few methods."""

from __future__ import annotations

from typing import Protocol, cast

from insitu.core import InsituError

WAIT_S = 0.05  # that a read waits for the first byte


class Port(Protocol):
    """What is used of a serial port."""

    @property
    def in_waiting(self) -> int:
        """Bytes that can be read at once."""

    def read(self, size: int = 1, /) -> bytes:
        """Return up to ``size`` bytes; wait a while for the first, not for ever."""

    def write(self, data: bytes, /) -> int | None:
        """Send bytes."""

    def close(self) -> None:
        """Give the port back."""


def open_port(name: str, baud: int) -> Port:
    """Open a device such as /dev/ttyACM0, COM3 or QEMU's /dev/pts/3, or a URL of pyserial: socket://host:port."""
    try:
        import serial
    except ImportError as error:
        raise InsituError("a serial port needs pyserial: pip install 'insitu[device]'") from error
    try:
        return cast(Port, serial.serial_for_url(name, baudrate=baud, timeout=WAIT_S))
    except (OSError, ValueError) as error:
        raise InsituError(
            f"could not open the port {name}: {error}; give a serial device or socket://host:port"
        ) from error
