"""Manage a memory kept in a file: verify it, describe it, copy it, export and import it, forget a class.

usage: insitu memory verify PATH
       insitu memory info PATH [--json]
       insitu memory backup PATH OUT
       insitu memory export PATH OUT
       insitu memory import PATH FROM [--substrate NAME | --replay]
       insitu memory forget PATH LABEL ...

'backup' makes a verified copy in one file, also while the memory is being taught.
'export' writes OUT.safetensors and OUT.json, whose format docs/memory.md describes; 'import' makes a new file PATH from
such a pair. With --substrate, a substrate's or device's name, the journal is replayed on it; with --replay,
on the one it had. 'forget' RESETs the columns of these classes; the journal keeps what they were taught.
"""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import Any

from insitu.core import InsituError

SHOWN = 20  # classes


def main(args: list[str]) -> int:
    """Run the operation of the first word on the memory that the second one names."""
    match args:
        case ["verify", path]:
            from insitu.memory.storage import transfer

            events = transfer.verified(Path(path))
            print(f"intact  {path}, {events} event{'s' * (events != 1)}")
        case ["info", path, *rest] if rest in ([], ["--json"]):
            from insitu.memory.storage import transfer

            known = transfer.info(Path(path))
            print(json.dumps(known, ensure_ascii=False, indent=2) if rest else _summary(path, known))
        case ["backup", path, out]:
            from insitu.memory.storage import transfer

            print(f"copy    {transfer.backed_up(Path(path), Path(out))}")
        case ["export", path, out]:
            from insitu.memory.storage import transfer

            data, card = transfer.exported(Path(path), Path(out))
            print(f"arrays  {data}\ncard    {card}")
        case ["import", path, source, *rest]:
            _import(Path(path), Path(source), rest)
        case ["forget", path, *labels] if labels:
            _forget(Path(path), labels)
        case _:
            raise InsituError(
                f"memory takes verify, info, backup, export, import or forget and what they need; "
                f"got {' '.join(args) or 'nothing'}; see 'insitu memory --help'"
            )
    return 0


def _summary(path: str, known: dict[str, Any]) -> str:
    classes, events = known["classes"], known["events"]
    names = ", ".join(f"{_shown(each['label'])} ({each['examples']})" for each in classes[:SHOWN])
    made = known["parameters"]
    rows = {
        "memory": f"{path}, {known['bytes'] / 2**20:.1f} MiB, {known['now_s']:.0f} s old by its own clock",
        "made": f"{known['made']}, {made['substrate']['part']}, {made['dim']} rows, backbone {made['backbone']}",
        "classes": f"{len(classes)}{': ' if classes else ''}{names}{', ...' if len(classes) > SHOWN else ''}",
        "events": ", ".join(f"{count} {kind}" for kind, count in events.items()) or "none",
        "taught": f"by {', '.join(map(_shown, known['teachers']))}, {known['first']} to {known['last']}"
        if events
        else "never",
        "spent": ", ".join(f"{count} {name}" for name, count in known["spent"].items()) or "nothing",
    }
    return "\n".join(f"{name:8}{text}" for name, text in rows.items())


def _import(path: Path, source: Path, flags: list[str]) -> None:
    changes: dict[str, Any] | None = None
    match [piece for flag in flags for piece in flag.split("=", 1)]:
        case []:
            pass
        case ["--replay"]:
            changes = {}
        case ["--substrate", name]:
            changes = {"substrate": name}
        case _:
            raise InsituError(f"import takes --substrate NAME or --replay; got {' '.join(flags)}")
    from insitu.memory.storage import transfer

    transfer.imported(source, path, changes).close()
    print(f"memory  {path}")


def _forget(path: Path, labels: list[str]) -> None:
    from insitu.memory import Memory

    if not path.is_file():
        raise InsituError(f"there is no memory at {path}; give the path of one")
    labels = [_as_utf8(label) for label in labels]
    with Memory.open(path) as memory:
        known = {str(label): label for label in getattr(memory, "classes_", [])}
        if missing := [label for label in labels if label not in known]:
            held = ", ".join(list(known)[:SHOWN]) or "no class"
            raise InsituError(f"{path} does not hold {missing[0]!r}; it holds {held}")
        for label in labels:
            memory.forget(known[label])
            print(f"forgotten  {_shown(label)}")


def _shown(text: object) -> str:
    """Return text without control characters, with which an untrusted file could control the terminal."""
    return "".join(c if c.isprintable() else c.encode("unicode_escape").decode() for c in str(text))


def _as_utf8(word: str) -> str:
    """Return a word of the command line as UTF-8, even where the system's encoding is ASCII."""
    try:
        return os.fsencode(word).decode("utf-8")
    except UnicodeError:
        return word
