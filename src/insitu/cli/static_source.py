"""Parts read from their source text, without importing them: fields of records, the composition of an experiment."""

from __future__ import annotations

import ast
import copy
from dataclasses import dataclass, field
from pathlib import Path

from insitu import catalog
from insitu.catalog import Part
from insitu.core import read_text


@dataclass(frozen=True)
class Field:
    """One field of a record: its default as source text ('' where it has none) and its comment."""

    name: str
    kind: str
    default: str
    help: str
    value: ast.expr | None = None


@dataclass(frozen=True)
class Node:
    """A line of a composition tree."""

    name: str
    text: str
    below: list[Node] = field(default_factory=list)


def docstring(part: Part) -> str:
    """Return the docstring of the part's file."""
    return ast.get_docstring(_tree(part)) or ""


def fields(part: Part) -> list[Field]:
    """Return the fields of the record that the part defines, in order."""
    return fields_of(part.path, part.symbol)


def fields_of(file: Path, symbol: str) -> list[Field]:
    """Return the fields of the class ``symbol`` in ``file``, in order."""
    text = read_text(file)
    lines = text.splitlines()
    classes = [node for node in ast.parse(text).body if isinstance(node, ast.ClassDef) and node.name == symbol]
    out = []
    for node in (inner for each in classes for inner in each.body):
        if isinstance(node, ast.AnnAssign) and isinstance(node.target, ast.Name):
            if ast.unparse(node.annotation).startswith("ClassVar"):
                continue
            value = _default(node.value)
            comment = _comment(lines, node)
            shown = ast.unparse(value) if value else ""
            out.append(Field(node.target.id, ast.unparse(node.annotation), shown, comment, value))
    return out


def _comment(lines: list[str], node: ast.stmt) -> str:
    """Return the comment behind a statement, or else the lines of comment above it."""
    behind = lines[(node.end_lineno or 1) - 1][node.end_col_offset or 0 :].partition("#")[2].strip()
    above: list[str] = []
    for line in reversed(lines[: node.lineno - 1]):
        if not line.strip().startswith("#"):
            break
        above.insert(0, line.strip().removeprefix("#").strip())
    return behind or " ".join(above)


def composition(part: Part) -> list[Node]:
    """Return the fields given in the part's ready record as a tree; records below it that are parts show all fields."""
    constants = catalog.assigned(_tree(part))
    return _node("", constants[part.symbol], constants).below


def constant(part: Part, name: str) -> str:
    """Return the source text of the part's constant ``name``, or '' where it has none."""
    value = catalog.assigned(_tree(part)).get(name)
    return ast.unparse(value) if value else ""


def _tree(part: Part) -> ast.Module:
    return ast.parse(read_text(part.path))


def _default(value: ast.expr | None) -> ast.expr | None:
    """Return what ``field(default_factory=X)`` gives: a call of X; anything else as it is."""
    if isinstance(value, ast.Call) and isinstance(value.func, ast.Name) and value.func.id == "field":
        for word in value.keywords:
            if word.arg == "default":
                return word.value
            if word.arg == "default_factory":
                made = word.value
                return made.body if isinstance(made, ast.Lambda) else ast.Call(made, [], [])
    return value


def _node(name: str, value: ast.expr, constants: dict[str, ast.expr]) -> Node:
    if isinstance(value, ast.Name) and value.id in constants:
        return _node(name, constants[value.id], constants)
    if isinstance(value, ast.Tuple | ast.List) and value.elts and all(isinstance(e, ast.Call) for e in value.elts):
        return Node(name, "", [_node(str(i), item, constants) for i, item in enumerate(value.elts)])
    if not isinstance(value, ast.Call) or not isinstance(value.func, ast.Name) or not value.func.id[:1].isupper():
        return Node(name, _plain(value, constants))
    kind = value.func.id
    part = next((p for p in catalog.parts() if p.symbol == kind), None)
    known = fields(part) if part else fields_of(catalog.ROOTS[0] / "experiments" / "__init__.py", kind)
    given = {word.arg: word.value for word in value.keywords if word.arg}
    positional = [f.name for f in known] or [f"argument {i + 1}" for i in range(len(value.args))]
    given |= dict(zip(positional, value.args, strict=False))
    shown = {f.name: f.value for f in known if part and f.value is not None} | given
    # defaults are written in the part's own file, whose constants are others
    own = catalog.assigned(_tree(part)) if part else {}
    below = [_node(key, item, constants if key in given else own) for key, item in shown.items()]
    return Node(name, f"{part.name}" if part else kind, below)


def _plain(value: ast.expr, constants: dict[str, ast.expr]) -> str:
    if isinstance(value, ast.Constant) and isinstance(value.value, str):
        return value.value or '""'
    plain = _Plain({name: item for name, item in constants.items() if isinstance(item, ast.Constant)})
    return ast.unparse(plain.visit(copy.deepcopy(value)))


class _Plain(ast.NodeTransformer):
    """Replaces names of numbers by the numbers."""

    def __init__(self, constants: dict[str, ast.expr]) -> None:
        self.constants = constants

    def visit_Name(self, node: ast.Name) -> ast.expr:
        return self.constants.get(node.id, node)
