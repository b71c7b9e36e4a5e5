"""Content of untrusted data URLs."""

from __future__ import annotations

import base64
import binascii

from starlette.exceptions import HTTPException


def content(url: str, start: int, most: int, noun: str) -> bytes:
    """Return what is encoded from ``start`` on, at most ``most`` bytes; ``noun`` names it, with its article."""
    if (len(url) - start) * 3 // 4 > most + 2:
        raise HTTPException(413, f"{noun} has at most {most} bytes; reduce it")
    try:
        return base64.b64decode(url[start:], validate=True)
    except (binascii.Error, ValueError):
        raise HTTPException(422, f"the base64 of {noun} is not valid; send it again") from None
