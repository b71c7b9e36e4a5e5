"""Parts read from their source text, without importing them: docstrings, and fields with their comments."""

from __future__ import annotations

import ast
from dataclasses import dataclass
from pathlib import Path

from insitu.catalog import Part
from insitu.core import read_text


@dataclass(frozen=True)
class Field:
    """One field of a record: its default as source text ('' where it has none) and its comment."""

    name: str
    default: str
    help: str


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
            out.append(Field(node.target.id, ast.unparse(value) if value else "", comment))
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
