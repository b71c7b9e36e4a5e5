"""Frames of the serial protocol: content with a checksum, in COBS between zeros, so that a lost byte costs one frame.

COBS (Cheshire and Baker, IEEE/ACM Trans. Networking 7, 1999) replaces every 0 by the distance to the next: a code byte
c is followed by c - 1 bytes as they are and, unless c is 255 or the content ends, a 0.
"""

from __future__ import annotations

from insitu.board.checksums import sealed, unsealed

RUN = 254  # bytes without 0 that one code byte covers


def encoded(content: bytes) -> bytes:
    """Return the frame of ``content``, zeros at both ends included."""
    out = bytearray(b"\0")
    for part in sealed(content).split(b"\0"):
        whole = len(part) // RUN * RUN
        for start in range(0, whole, RUN):
            out += bytes([RUN + 1]) + part[start : start + RUN]
        out += bytes([len(part) - whole + 1]) + part[whole:]
    return bytes(out) + b"\0"


def decoded(frame: bytes) -> bytes | None:
    """Return the content of what stood between two zeros, or None where it is damaged."""
    out, place = bytearray(), 0
    while place < len(frame):
        code = frame[place]
        if not code or place + code > len(frame):
            return None
        out += frame[place + 1 : place + code]
        place += code
        if code <= RUN and place < len(frame):
            out.append(0)
    return unsealed(bytes(out))
