"""Verify, summarise, back up, export or import a memory stored in a file, or correct what it was taught.

usage: insitu memory verify PATH
       insitu memory info PATH [--json]
       insitu memory backup PATH OUT [--json]
       insitu memory export PATH OUT
       insitu memory import PATH FROM [--substrate NAME | --replay]
       insitu memory examples PATH [LABEL] [--json]
       insitu memory undo PATH [--json]
       insitu memory rename PATH LABEL NEW [--json]
       insitu memory relabel PATH EXAMPLE LABEL [--json]
       insitu memory remove-example PATH EXAMPLE ... [--json]
       insitu memory forget PATH LABEL ... [--json]

'backup' writes a verified copy as a single file, also while a writer is active.
'export' writes OUT.safetensors and OUT.json, in the format of docs/memory.md; 'import' creates the new file PATH from
such a pair. With --substrate, the name of a substrate or device, the journal is replayed on it; with --replay, on the
original substrate. 'examples' lists the examples by number. 'undo' takes back the last change that is not taken back
yet; 'relabel' moves an example to another class, which may be new; 'remove-example' takes it out of the memory. Columns
that change are RESET and written again. 'forget' RESETs the columns of these classes. The journal keeps all examples.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from insitu import catalog
from insitu.cli import memory_corrections
from insitu.cli.text import printable
from insitu.core import InsituError

SHOWN = 20  # classes
CORRECTIONS = ("examples", "undo", "rename", "relabel", "remove-example", "forget")


def main(args: list[str]) -> int:
    """Run the action named by the first argument on the memory at the second one."""
    match args:
        case ["verify", path]:
            from insitu.memory.storage import maintenance

            events = maintenance.verify(Path(path))
            print(f"intact  {path}, {events} event{'s' * (events != 1)}")
        case ["info", path, *rest] if rest in ([], ["--json"]):
            from insitu.memory.storage import maintenance

            summary = maintenance.info(Path(path))
            print(json.dumps(summary, ensure_ascii=False, indent=2) if rest else _table(path, summary))
        case ["backup", path, out, *rest] if rest in ([], ["--json"]):
            from insitu.memory.storage import maintenance

            copy = maintenance.back_up(Path(path), Path(out))
            memory_corrections.show((f"copy    {copy}", {"copy": str(copy)}), bool(rest))
        case ["export", path, out]:
            from insitu.memory.storage import interchange

            arrays, card = interchange.export_memory(Path(path), Path(out))
            print(f"arrays  {arrays}\ncard    {card}")
        case ["import", path, source, *rest]:
            _import(Path(path), Path(source), rest)
        case [action, path, *rest] if action in CORRECTIONS:
            as_json = rest[-1:] == ["--json"]
            memory_corrections.show(_correct(action, Path(path), rest[:-1] if as_json else rest), as_json)
        case _:
            raise _misuse(args)
    return 0


def _correct(action: str, path: Path, given: list[str]) -> memory_corrections.Report:
    match action, given:
        case "examples", [] | [_]:
            return memory_corrections.examples(path, given[0] if given else None)
        case "undo", []:
            return memory_corrections.undo(path)
        case "rename", [old, new]:
            return memory_corrections.rename(path, old, new)
        case "relabel", [example, label]:
            return memory_corrections.relabel(path, example, label)
        case "remove-example", [_, *_]:
            return memory_corrections.remove(path, given)
        case "forget", [_, *_]:
            return memory_corrections.forget(path, given)
    raise _misuse([action, str(path), *given])


def _misuse(args: list[str]) -> InsituError:
    """Return an error that shows how the action is used, or which actions there are."""
    usages = [line.removeprefix("usage:").strip() for line in (__doc__ or "").splitlines() if " PATH" in line]
    actions = {line.split()[2]: line for line in usages if line.startswith("insitu memory ")}
    given = " ".join(args) or "nothing"
    if args and args[0] in actions:
        return InsituError(f"the usage is {actions[args[0]]}; got insitu memory {given}")
    hint = catalog.suggest(args[0], [*actions]) if args else ""
    return InsituError(
        f"memory takes {', '.join(actions)}{f'; {hint}' if hint else ''}; got {given}; see 'insitu memory --help'"
    )


def _table(path: str, summary: dict[str, Any]) -> str:
    classes, events = summary["classes"], summary["events"]
    names = ", ".join(f"{printable(each['label'])} ({each['examples']})" for each in classes[:SHOWN])
    parameters = summary["parameters"]
    part, dim, encoder = parameters["substrate"]["part"], parameters["dim"], _encoder(parameters["encoder"])
    rows = {
        "memory": f"{path}, {summary['bytes'] / 2**20:.1f} MiB, clock at {summary['now_s']:.0f} s",
        "made": f"{summary['made']}, {part}, {dim} rows, encoder {encoder}",
        "classes": f"{len(classes)}{': ' if classes else ''}{names}{', ...' if len(classes) > SHOWN else ''}",
        "events": ", ".join(f"{count} {kind}" for kind, count in events.items()) or "none",
        "taught": f"by {', '.join(map(printable, summary['teachers']))}, {summary['first']} to {summary['last']}"
        if events
        else "never",
        "spent": ", ".join(f"{count} {name}" for name, count in summary["spent"].items()) or "nothing",
    }
    return "\n".join(f"{name:8}{text}" for name, text in rows.items())


def _encoder(stored: Any) -> str:
    """Return the name of an encoder and its fields, as they are stored."""
    if not isinstance(stored, dict):
        return str(stored or "none")
    fields = ", ".join(f"{name}={value}" for name, value in stored.get("fields", {}).items() if value is not None)
    return f"{str(stored.get('part')).removeprefix('encoders/')}{f' ({fields})' if fields else ''}"


def _import(path: Path, source: Path, flags: list[str]) -> None:
    changes: dict[str, Any] | None = None
    match [word for flag in flags for word in flag.split("=", 1)]:
        case []:
            pass
        case ["--replay"]:
            changes = {}
        case ["--substrate", name]:
            changes = {"substrate": name}
        case _:
            raise InsituError(f"import takes --substrate NAME or --replay; got {' '.join(flags)}; see --help")
    from insitu.memory.storage import interchange

    interchange.import_memory(source, path, changes).close()
    print(f"memory  {path}")
