"""Names of classes: the rules for a new one, and how a class is found by the name that was sent.

A memory that was taught in Python may hold labels that no new name may be (decomposed accents, spaces at the ends, a
hundred letters). They are found as they are; a name that differs from one of them in its spelling alone finds it too.
"""

from __future__ import annotations

import unicodedata
from collections.abc import Iterable
from typing import Any

LONGEST = 64
# marks that turn the direction of the text around them, so that a name would be shown as another one
BLANK = frozenset("\u115f\u1160\u3164\uffa0\u2800")  # letters that show nothing
TURNING = frozenset("\u061c\u200e\u200f\u202a\u202b\u202c\u202d\u202e\u2066\u2067\u2068\u2069")
LONGER = 4  # a spelling has at most so many times the characters of its NFC, spaces aside


class Ambiguous(ValueError):
    """Several classes differ from the name in spelling alone."""


def named(text: str) -> str:
    """Return a new name as it is kept: NFC, without space around it; raise ``ValueError`` where it cannot be one."""
    if len(text) > LONGER * LONGEST:  # before work is done on it
        raise ValueError(f"a name has 1 to {LONGEST} characters; got {len(text)}")
    name = _spelling(text)
    if not 1 <= len(name) <= LONGEST:
        raise ValueError(f"a name has 1 to {LONGEST} characters; got {len(name)}")
    odd = [c for c in name if unicodedata.category(c) in ("Cc", "Cs", "Cn", "Co", "Zl", "Zp") or c in TURNING]
    odd += [c for c in name if c in BLANK or (unicodedata.category(c) == "Cf" and c not in "\u200c\u200d")]
    if all(c in "\u200c\u200d" for c in name):
        odd += name[:1]
    if odd:
        raise ValueError(f"a name holds no control or invisible character; got U+{ord(odd[0]):04X}")
    return name


def found(labels: Iterable[Any], text: str) -> Any:
    """Return the label that ``text`` names, None where there is none; raise ``Ambiguous`` where there are several.

    A label that is exactly so called comes first, then the only one of the same spelling. Labels may be numbers.
    """
    held = {str(label): label for label in labels}
    if text in held:
        return held[text]
    longest = max(map(len, held), default=0)
    if len(text) > LONGER * max(longest, LONGEST):  # spelling a text of megabytes takes long, and it cannot be one
        return None
    spelling = _spelling(text)
    same = [label for name, label in held.items() if _spelling(name) == spelling]
    if len(same) > 1:
        raise Ambiguous(f"{len(same)} classes differ from this name in spelling alone; send it exactly as it is kept")
    return same[0] if same else None


def _spelling(text: str) -> str:
    return unicodedata.normalize("NFC", text).strip()
