"""Text from and for a terminal: arguments as UTF-8, and no control characters of an untrusted file."""

from __future__ import annotations

import os


def printable(text: object) -> str:
    """Return text with control characters escaped: those of an untrusted file would control the terminal."""
    return "".join(c if c.isprintable() else c.encode("unicode_escape").decode() for c in str(text))


def as_utf8(word: str) -> str:
    """Return a command line argument decoded as UTF-8, even where the locale is ASCII."""
    try:
        return os.fsencode(word).decode("utf-8")
    except UnicodeError:
        return word
