"""Show one part: its docstring, fields and defaults; a device's curves; an experiment's composition and claims.

usage: insitu show NAME [--figure FILE.svg|FILE.png]

NAME has dashes or underscores; 'room/name' where two rooms share a name. --figure draws the curves of a device.
Of an experiment's variants, and of its quick variant, the fields that differ are shown.
"""

from __future__ import annotations

import ast
import importlib
import inspect
from dataclasses import MISSING, fields
from pathlib import Path
from textwrap import fill
from typing import TYPE_CHECKING, Any, get_type_hints

from insitu import catalog
from insitu.catalog import Part
from insitu.cli import backbone_cards, record_tree, static_source
from insitu.cli.part_flags import takes
from insitu.cli.record_tree import Node
from insitu.core import InsituError

if TYPE_CHECKING:
    from insitu.devices.figures import Characteristics
    from insitu.experiments import Claim, Experiment, Variant

LONGEST_VALUE = 40  # characters of the column of values; longer ones move the help to the right
APART = {"paper", "verified", "claims", "variants", "combined"}  # fields of an experiment that are not in its tree


def main(args: list[str]) -> int:
    """Print one part; its docstring comes at once, before anything is imported."""
    name, figure = _arguments(args)
    if (room := name.rstrip("/")) in catalog.ROOMS:
        raise InsituError(f"{room} is a room; 'insitu list {room}' lists what is in it")
    if not figure and (backbone := _shipped_backbone(name)):
        print(f"{backbone}  (encoders)\n")
        _encoder(backbone)
        return 0
    part = catalog.find(name)
    if figure and part.room != "devices":
        devices = ", ".join(each.name for each in catalog.parts("devices"))
        raise InsituError(f"{part.name} has no curves to draw; --figure goes with a device: {devices}")
    print(f"{part.name}  ({part.room})\n\n{static_source.docstring(part)}\n", flush=True)
    if part.room == "experiments":
        _experiment(part, catalog.load(part))
    elif part.symbol in catalog.RECORDS.values():
        _print("composition", record_tree.node("", catalog.load(part)).below)
        print(f"\nrun it: insitu train {part.name} [--quick]")
    elif rows := _literal_rows(part) or _rows(catalog.load(part)):
        _print_fields(rows)
    if part.room == "encoders" and all(field.default for field in static_source.fields(part)):
        _encoder(part.name)
    if part.room == "devices":
        from insitu.devices import figures

        curves = _curves(part)
        print(f"\n{figures.sketch(curves)}")
        if figure:
            figures.draw(curves, figure)
            print(f"\ndrawn in {figure}")
    return 0


def _shipped_backbone(name: str) -> str | None:
    """Return which backbone of the package a name means, if any; raise ``InsituError`` where it names parts, too."""
    stem = catalog.dashed(name.removeprefix("encoders/")).replace("-", "_")
    if stem not in backbone_cards.shipped():
        return None
    others = [f"{part.room}/{part.name}" for part in catalog.parts() if part.name == catalog.dashed(stem)]
    if others and "/" not in name:
        raise InsituError(f"{name!r} is in several rooms; give {' or '.join([*others, f'encoders/{stem}'])}")
    return stem if "/" not in name or name.startswith("encoders/") else None


def _arguments(args: list[str]) -> tuple[str, Path | None]:
    names, figure, rest = [], None, list(args)
    while rest:
        word, equals, value = rest.pop(0).partition("=")
        if word == "--figure":
            if not equals and not rest:
                raise InsituError("--figure takes a file name that ends in .svg or .png")
            figure = Path(value if equals else rest.pop(0))
        elif word.startswith("-"):
            raise InsituError(f"show does not know {word}; it takes a NAME and --figure FILE.svg or FILE.png")
        else:
            names.append(word)
    if len(names) != 1:
        raise InsituError(f"show takes one name, got {' '.join(names) or 'none'}; see 'insitu list'")
    if figure and figure.suffix.lower() not in (".svg", ".png"):
        raise InsituError(f"--figure {figure}: a figure is written as .svg or .png")
    return names[0], figure


def _curves(part: Part) -> Characteristics:
    from insitu.devices.figures import measure

    return measure(catalog.load(part)())


def _encoder(name: str) -> None:
    """Print what an encoder takes and gives, if its packages are installed."""
    from insitu import encoders

    try:
        encoder = encoders.find(name)
        assert encoder is not None
        rows = {"takes": encoder.takes, "dimension": encoder.dim or "that of its function", "digest": encoder.digest()}
        rows |= {"licence": encoder.licence, "trained on": encoder.trained_on or "nothing"}
    except InsituError as error:
        print(f"\n{error}")
        return
    print("\n".join(f"{key:12}{value}" for key, value in rows.items()))


def _literal_rows(part: Part) -> list[tuple[str, str, str]]:
    """Return the rows of a record that has literals alone as defaults, which need no import; else none."""
    try:
        return [
            (f"  {each.name}", record_tree.text(ast.literal_eval(each.default)), each.help)
            for each in static_source.fields(part)
        ]
    except (ValueError, SyntaxError):
        return []


def _rows(kind: Any, depth: int = 1) -> list[tuple[str, str, str]]:
    """Return name, default and help of each field; fields of records that are not parts come below their own."""
    helps = {each.name: each.help for each in static_source.fields_of(Path(inspect.getfile(kind)), kind.__name__)}
    hints, rows = get_type_hints(kind), list[tuple[str, str, str]]()
    for each in fields(kind):
        made = each.default_factory() if each.default_factory is not MISSING else each.default
        inner = record_tree.is_record(made) and not catalog.part_of(type(made))
        value = "" if inner else f"({takes(hints[each.name])})" if made is MISSING else record_tree.text(made)
        rows.append((f"{'  ' * depth}{each.name}", value, helps.get(each.name, "")))
        rows += _rows(type(made), depth + 1) if inner else []
    return rows


def _print_fields(rows: list[tuple[str, str, str]]) -> None:
    name, value = (
        max(len(row[0]) for row in rows),
        max([len(row[1]) for row in rows if len(row[1]) <= LONGEST_VALUE], default=0),
    )
    print("fields")
    for row in rows:
        print(f"{row[0]:{name}}  {row[1]:{value}}  {row[2]}".rstrip())


def _experiment(part: Part, experiment: Experiment) -> None:
    for heading in ("paper", "verified"):
        if text := getattr(experiment, heading):
            print(fill(f"{heading}: {text}", 100, subsequent_indent="  ") + "\n")
    shown = [each for each in record_tree.node("", experiment, leave_out=APART).below if each.text or each.below]
    variants = [_variant(each, experiment) for each in experiment.variants]
    _print(
        "composition",
        shown + ([Node("variants", "(what differs from the learner above)", variants)] if variants else []),
    )
    if experiment.claims:
        print("\nclaims")
        for claim in experiment.claims:
            print(f"  {_claim(claim)}")
    quick = getattr(importlib.import_module(part.module), "QUICK", None)
    if quick is not None:
        left = Node("variants", "; ".join(each.name for each in quick.variants) or "none")
        changed = record_tree.node("", quick, experiment, APART).below
        _print("\nquick variant", changed + ([left] if quick.variants != experiment.variants else []))
    flag = "" if quick is None else " [--quick]"
    print(f"\nrun it: insitu run {part.name}{flag}; every field is a flag: insitu run {part.name} --help")


def _variant(variant: Variant, experiment: Experiment) -> Node:
    """Return what a variant changes in the learner and the scenario of the experiment."""
    changes = [Node(f"scenario.{name}", record_tree.text(value)) for name, value in variant.changes]
    delay = [Node("query_delay_s", str(variant.query_delay_s))] if variant.query_delay_s else []
    return Node(variant.name, "", [record_tree.node("learner", variant.learner, experiment.learner), *changes, *delay])


def _print(heading: str, nodes: list[Node]) -> None:
    print(heading)
    width = max((_width(each) for each in nodes), default=0)
    for each in nodes:
        _print_tree(each, width)


def _width(node: Node, depth: int = 1) -> int:
    own = 2 * depth + len(node.name) if node.text else 0  # a line without a value needs no column
    return max([own, *(_width(below, depth + 1) for below in node.below)])


def _print_tree(node: Node, width: int, depth: int = 1) -> None:
    print(f"{'  ' * depth + node.name:{width}}  {node.text}".rstrip())
    for below in node.below:
        _print_tree(below, width, depth + 1)


def _claim(claim: Claim) -> str:
    bounds = [f"{sign} {value}" for sign, value in (("≤", claim.at_most), ("≥", claim.at_least)) if value is not None]
    published = claim.published
    notes = [published if published.startswith("not ") else f"published {published}"] if published else []
    notes += [claim.where] if claim.where else []
    return f"{claim.name}: {' and '.join(bounds) or 'reported'}" + (f"  ({'; '.join(notes)})" if notes else "")
