"""Labels in requests: the rules for a new one, and how an existing class is found.

A memory that was taught in Python may hold labels that break the rules (decomposed accents, surrounding spaces, a
hundred letters). They are found by exactly that text, and by any text that is equal after normalisation.
"""

from __future__ import annotations

import unicodedata
from collections.abc import Callable, Iterable
from typing import Any

LONGEST_LABEL = 64
BLANK = frozenset("\u115f\u1160\u3164\uffa0\u2800")  # letters without ink
# bidirectional controls, which make a label look like another one
BIDI = frozenset("\u061c\u200e\u200f\u202a\u202b\u202c\u202d\u202e\u2066\u2067\u2068\u2069")
EXPANSION = 4  # a text has at most this many times the characters of its NFC, surrounding spaces aside


class AmbiguousLabelError(ValueError):
    """Several classes match a text after normalisation, and none exactly."""


def new_label(text: str) -> str:
    """Return a new label: NFC, without surrounding spaces; raise ``ValueError`` where it breaks the rules."""
    if len(text) > EXPANSION * LONGEST_LABEL:  # before it is normalised, which may take long
        raise ValueError(f"a name has 1 to {LONGEST_LABEL} characters; got {len(text)}")
    name = _normalise(text)
    if not 1 <= len(name) <= LONGEST_LABEL:
        raise ValueError(f"a name has 1 to {LONGEST_LABEL} characters; got {len(name)}")
    odd = [c for c in name if unicodedata.category(c) in ("Cc", "Cs", "Cn", "Co", "Zl", "Zp") or c in BIDI]
    odd += [c for c in name if c in BLANK or (unicodedata.category(c) == "Cf" and c not in "\u200c\u200d")]
    if all(c in "\u200c\u200d" for c in name):
        odd += name[:1]
    if odd:
        raise ValueError(f"a name has no control or invisible characters; got U+{ord(odd[0]):04X}")
    return name


def find_label(labels: Iterable[Any], text: str) -> Any:
    """Return the label that ``text`` denotes, or None; raise ``AmbiguousLabelError`` where there are several.

    An exact match comes first, then the only label that is equal after normalisation. Labels may be numbers.
    """
    held = {str(label): label for label in labels}
    if text in held:
        return held[text]
    longest = max(map(len, held), default=0)
    if len(text) > EXPANSION * max(longest, LONGEST_LABEL):  # cannot match, and would take long to normalise
        return None
    normal = _normalise(text)
    same = [label for name, label in held.items() if _normalise(name) == normal]
    if len(same) > 1:
        raise AmbiguousLabelError(f"{len(same)} classes match this name in another spelling; send it exactly as stored")
    return same[0] if same else None


def find_counted(text: str, kind: Callable[[str], Any], count: Callable[[Any], int]) -> Any:
    """Return the label of this kind that ``text`` denotes, or its normal form, and that has a ``count``; else None.

    It takes the same time for any number of labels. A label that breaks the rules is found by exactly its text.
    """
    names = [text] if len(text) > EXPANSION * LONGEST_LABEL else [text, _normalise(text)]
    labels = (_parse(name, kind) for name in names)
    return next((label for label in labels if label is not None and count(label)), None)


def _parse(text: str, kind: Callable[[str], Any]) -> Any:
    try:
        label = text == "True" if kind is bool else kind(text)
    except ValueError:
        return None
    return label if str(label) == text else None


def _normalise(text: str) -> str:
    return unicodedata.normalize("NFC", text).strip()
