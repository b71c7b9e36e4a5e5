"""Every field of a record as a typed flag: the record is the configuration, its values are the defaults.

Whatever is wrong with a flag is said in one line: what was given, what is allowed, what to do.
"""

from __future__ import annotations

import dataclasses
import inspect
from collections.abc import Callable, Collection, Iterator, Set
from contextlib import nullcontext, redirect_stderr
from dataclasses import dataclass, replace
from io import StringIO
from pathlib import Path
from typing import Annotated, Any, TypeVar, get_type_hints

from insitu import catalog
from insitu.cli import static_source
from insitu.cli.part_flags import Group, dash, slots, swap, takes
from insitu.core import InsituError

T = TypeVar("T")


@dataclass(frozen=True)
class Extra:
    """A flag of the command itself, not a field of the record."""

    kind: Any
    default: Any
    help: str


@dataclass(frozen=True)
class Flag:
    """A flag of a field: its name, type and present value."""

    name: str  # learner.substrate.adc-bits
    kind: Any
    value: Any


def parse(
    record: T,
    args: list[str],
    prog: str,
    title: str = "",
    hidden: Set[str] = frozenset(),
    fitting: Callable[[T], dict[str, list[str]]] = lambda _: {},
    **extras: Extra,
) -> tuple[T, dict[str, Any]]:
    """Return ``record`` with the changes of ``args``, and the values of ``extras``; ``hidden`` fields are no flags.

    Prints help and exits where ``args`` ask for it; of a field that ``fitting`` names, help offers those parts instead
    of all that its type allows. Raises ``InsituError`` for an unknown flag or value.
    """
    import tyro

    record, given = swap(record, groups(args, prog), hidden)
    shape, helped = _shape(record, hidden, extras), any(group.name in ("help", "h") for group in given)
    about = _about(record, hidden, title, fitting(record)) if helped else ""

    def run(part: list[Group], quiet: bool = True) -> Any:
        tokens = [token for group in part for token in group.tokens]
        config: tuple[Any, ...] = (tyro.conf.AvoidSubcommands, tyro.conf.SuppressFixed)
        if quiet:  # help texts are comments, and reading the source of every record takes half a second
            config = (*config, tyro.conf.HelptextFromCommentsOff)
        # tyro prints some errors even without console outputs
        with redirect_stderr(StringIO()) if quiet else nullcontext():
            return tyro.cli(shape, args=tokens, prog=prog, description=about, config=config, console_outputs=not quiet)

    if helped:
        run([Group("help", ["--help"])], quiet=False)
    known = {flag.name: flag for flag in flags(record, hidden)}
    known |= {dash(name): Flag(dash(name), extra.kind, extra.default) for name, extra in extras.items()}
    for group in given:
        if group.name not in known and _without_no(group.name) not in known:
            hint = catalog.suggest(f"--{group.name}", [f"--{name}" for name in sorted(known)])
            raise InsituError(f"unknown field --{group.name}; {hint and hint + ' '}'{prog} --help' lists every field")
    try:
        parsed = run(given)
    except SystemExit as error:
        raise _first_error(given, known, run, prog) from error
    names = {f.name for f in dataclasses.fields(record)} - hidden  # type: ignore[arg-type]
    changed = replace(record, **{name: getattr(parsed, name) for name in names})  # type: ignore[type-var]
    return changed, {name: getattr(parsed, name) for name in extras}


def flags(record: object, hidden: Set[str] = frozenset(), prefix: str = "") -> Iterator[Flag]:
    """Yield the flags of a record, depth first; fields that hold callables are left out."""
    hints = get_type_hints(type(record))
    for field in dataclasses.fields(record):  # type: ignore[arg-type]
        value, name = getattr(record, field.name), prefix + dash(field.name)
        if field.name in hidden or callable(value) or not field.init:
            continue
        if dataclasses.is_dataclass(value):
            yield from flags(value, prefix=f"{name}.")
        else:
            yield Flag(name, hints[field.name], value)


def groups(args: list[str], prog: str) -> list[Group]:
    """Return the flags of ``args``, each with the values that follow it."""
    out: list[Group] = []
    for token in args:
        if token.startswith("--") or token == "-h":
            out.append(Group(dash(token.lstrip("-").partition("=")[0]), [token]))
        elif out:
            out[-1].tokens.append(token)
        else:
            raise InsituError(f"{token!r} is not a flag; flags begin with --: see '{prog} --help'")
    return out


def parted(args: list[str], need_values: Collection[str], prog: str) -> tuple[list[str], list[str]]:
    """Return the words that are no flags, and the flags, which may stand anywhere between them.

    Flags in ``need_values`` are joined with the word that follows them, since -1 may be a value and no flag.
    """
    words, given, rest = list[str](), list[str](), iter(args)
    for word in rest:
        if not word.startswith("-"):
            words.append(word)
        elif word in need_values:
            value = next(rest, "")
            if not value or value.startswith("--"):
                raise InsituError(f"{word} takes a value; got {value or 'nothing'}; see '{prog} --help'")
            given.append(f"{word}={value}")
        else:
            given.append(word)
    return words, given


def _shape(record: object, hidden: Set[str], extras: dict[str, Extra]) -> type:
    """Return a record type for tyro with the fields of ``record`` as defaults, without those hidden, and the extras."""
    import tyro

    annotated: Any = Annotated  # type checkers know no types that are made at run time
    hints = get_type_hints(type(record))
    comments = {
        f.name: f.help for f in static_source.fields_of(Path(inspect.getfile(type(record))), type(record).__name__)
    }
    columns: list[tuple[str, Any, Any]] = []
    for name, extra in extras.items():
        column = annotated[extra.kind, tyro.conf.arg(help=extra.help)]
        columns.append((name, column, dataclasses.field(default=extra.default)))
    for field in dataclasses.fields(record):  # type: ignore[arg-type]
        if field.name not in hidden:
            column = annotated[hints[field.name], tyro.conf.arg(help=comments.get(field.name) or None)]
            value = getattr(record, field.name)
            columns.append((field.name, column, dataclasses.field(default_factory=_constant(value))))
    return dataclasses.make_dataclass("Flags", columns, frozen=True)


def _first_error(
    groups: list[Group], known: dict[str, Flag], run: Callable[[list[Group]], Any], prog: str
) -> InsituError:
    """Return an error for the first flag that does not parse alone, with the values that it takes."""
    for group in groups:
        try:
            run([group])
        except SystemExit:
            flag = known.get(group.name) or known[_without_no(group.name)]
            given = " ".join(group.values) or "nothing"
            return InsituError(f"--{group.name} takes {takes(flag.kind)} (now {_shown(flag.value)}); got {given}")
    return InsituError(f"these flags do not go together; see '{prog} --help'")


def _constant(value: Any) -> Callable[[], Any]:
    return lambda: value


def _about(record: object, hidden: Set[str], title: str, fitting: dict[str, list[str]]) -> str:
    lines = [title, ""] if title else []
    lines.append("Every field is a flag. A part is swapped by its name, before its own fields are read:")
    for slot in slots(record, hidden):
        allowed = [*fitting.get(slot.flag, slot.allowed), *(["none"] if slot.optional else [])]
        if len(allowed) > 1:
            lines.append(f"  --{slot.flag} {' | '.join(allowed)}")
    return "\n".join(lines)


def _shown(value: Any) -> str:
    return " ".join(map(str, value)) if isinstance(value, tuple) else str(value)


def _without_no(name: str) -> str:
    head, dot, last = name.rpartition(".")
    return head + dot + last.removeprefix("no-")
