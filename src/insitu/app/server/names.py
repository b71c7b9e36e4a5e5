"""What a class may be called: text that can be shown, in one spelling."""

from __future__ import annotations

import unicodedata

LONGEST = 64
# marks that turn the direction of the text around them, so that a name would be shown as another one
BLANK = frozenset("\u115f\u1160\u3164\uffa0\u2800")  # letters that show nothing
TURNING = frozenset("\u061c\u200e\u200f\u202a\u202b\u202c\u202d\u202e\u2066\u2067\u2068\u2069")


def named(text: str) -> str:
    """Return a name as it is kept: NFC, without white space around it; raise ``ValueError`` where it is none."""
    if len(text) > 4 * LONGEST:  # before work is done on it
        raise ValueError(f"a name has 1 to {LONGEST} characters; got {len(text)}")
    name = unicodedata.normalize("NFC", text).strip()
    if not 1 <= len(name) <= LONGEST:
        raise ValueError(f"a name has 1 to {LONGEST} characters; got {len(name)}")
    odd = [c for c in name if unicodedata.category(c) in ("Cc", "Cs", "Cn", "Co", "Zl", "Zp") or c in TURNING]
    odd += [c for c in name if c in BLANK or (unicodedata.category(c) == "Cf" and c not in "\u200c\u200d")]
    if all(c in "\u200c\u200d" for c in name):
        odd += name[:1]
    if odd:
        raise ValueError(f"a name holds no control or invisible character; got U+{ord(odd[0]):04X}")
    return name
