"""Show one part: its docstring, fields and defaults; a device's curves; an experiment's composition and claims.

usage: insitu show NAME [--figure FILE.svg|FILE.png]

NAME has dashes or underscores; 'room/name' where two rooms share a name. --figure draws the curves of a device.
"""

from __future__ import annotations

from pathlib import Path
from textwrap import fill
from typing import TYPE_CHECKING

from insitu import catalog
from insitu.catalog import Part
from insitu.cli import backbone_cards, static_source
from insitu.core import InsituError

if TYPE_CHECKING:
    from insitu.devices.figures import Characteristics


def main(args: list[str]) -> int:
    """Print one part, without importing torch."""
    name, figure = _arguments(args)
    if (backbone := name.removeprefix("encoders/")) != name and backbone in backbone_cards.shipped():
        print(f"{backbone}  (encoders)\n")
        _encoder(backbone)
        return 0
    part = catalog.find(name)
    if figure and part.room != "devices":
        devices = ", ".join(each.name for each in catalog.parts("devices"))
        raise InsituError(f"{part.name} has no curves to draw; --figure goes with a device: {devices}")
    print(f"{part.name}  ({part.room})\n\n{static_source.docstring(part)}\n")
    if part.room == "experiments":
        _experiment(part)
    elif part.symbol in catalog.RECORDS.values():
        _composition({node.name: node for node in static_source.composition(part)})
        print(f"\nrun it: insitu train {part.name} [--quick]")
    else:
        _fields(part)
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


def _fields(part: Part) -> None:
    known = static_source.fields(part)
    if not known:
        return
    name = max(len(f.name) for f in known)
    value = min(max(len(f.default) for f in known), 40)
    print("fields")
    for f in known:
        print(f"  {f.name:{name}}  {f.default or f.kind:{value}}  {f.help}".rstrip())


def _experiment(part: Part) -> None:
    nodes = {node.name: node for node in static_source.composition(part)}
    claims = nodes.pop("claims", None)
    for heading in ("paper", "verified"):
        if node := nodes.pop(heading, None):
            print(fill(f"{heading}: {node.text}", 100, subsequent_indent="  ") + "\n")
    _composition(nodes)
    if claims:
        print("\nclaims")
        for claim in claims.below:
            _claim({node.name: node.text for node in claim.below} or {"name": claim.text})
        if not claims.below:
            print(f"  {claims.text}")
    if quick := static_source.constant(part, "QUICK"):
        print(f"\nquick variant\n  {quick}")
    print(f"\nrun it: insitu run {part.name} [--quick]; every field is a flag: insitu run {part.name} --help")


def _composition(nodes: dict[str, static_source.Node]) -> None:
    print("composition")
    width = max((_width(node) for node in nodes.values()), default=0)
    for node in nodes.values():
        _tree(node, width)


def _width(node: static_source.Node, depth: int = 1) -> int:
    return max([2 * depth + len(node.name), *(_width(below, depth + 1) for below in node.below)])


def _tree(node: static_source.Node, width: int, depth: int = 1) -> None:
    print(f"{'  ' * depth + node.name:{width}}  {node.text}".rstrip())
    for below in node.below:
        _tree(below, width, depth + 1)


def _claim(claim: dict[str, str]) -> None:
    bounds = [f"{sign} {claim[key]}" for key, sign in (("at_most", "≤"), ("at_least", "≥")) if key in claim]
    published = claim.get("published", "")
    notes = [published if published.startswith("not ") else f"published {published}"] if published else []
    notes += [claim["where"]] if claim.get("where") else []
    print(f"  {claim.get('name', '')}: {' and '.join(bounds) or 'reported'}  ({'; '.join(notes)})".replace("  ()", ""))
