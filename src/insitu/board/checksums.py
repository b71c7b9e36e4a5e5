"""Content with the CRC-32 (IEEE 802.3) of it at its end, little-endian: frames of the protocol, and saved blocks."""

from __future__ import annotations

import zlib

CHECKSUM = 4  # bytes


def sealed(content: bytes) -> bytes:
    """Return ``content`` with its checksum."""
    return content + zlib.crc32(content).to_bytes(CHECKSUM, "little")


def unsealed(whole: bytes) -> bytes | None:
    """Return the content of what ``sealed`` returned, or None where it is damaged."""
    content = whole[:-CHECKSUM]
    return content if content and sealed(content) == whole else None
