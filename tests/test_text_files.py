"""Text is read and written in one place, as UTF-8, whatever the system is set to; what cannot be shown is escaped."""

from __future__ import annotations

import ast
import json
import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from insitu import Memory
from insitu.core import read_text, write_text

SRC = Path(__file__).resolve().parents[1] / "src" / "insitu"
FILES = sorted(SRC.rglob("*.py"))
OTHERS = ("os", "tarfile", "webbrowser")  # whose open is not that of a text file; nor is that of a class


def text_calls(tree: ast.AST) -> list[str]:
    """Return calls that read or write text with an encoding of their own, or the system's."""
    out = []
    for node in ast.walk(tree):
        if not isinstance(node, ast.Call):
            continue
        name = node.func.attr if isinstance(node.func, ast.Attribute) else getattr(node.func, "id", "")
        owner = ast.unparse(node.func.value).split(".")[-1] if isinstance(node.func, ast.Attribute) else ""
        whole = [ast.unparse(each) for each in (*node.args, *(keyword.value for keyword in node.keywords))]
        opens = name == "fdopen" or (name == "open" and owner not in OTHERS and not owner.istitle())
        if name in ("read_text", "write_text") and isinstance(node.func, ast.Attribute):
            out.append(f"line {node.lineno}: {name}")
        if opens and not any("b'" in each or each in ("'wb'", "'rb'", "'ab'") for each in whole):
            out.append(f"line {node.lineno}: {name}")
        if any(keyword.arg in ("text", "universal_newlines") for keyword in node.keywords) and owner == "subprocess":
            out.append(f"line {node.lineno}: {name}")
    return out


@pytest.mark.parametrize("file", FILES, ids=lambda file: str(file.relative_to(SRC)))
def test_text_is_read_and_written_by_core_alone(file: Path) -> None:
    assert not text_calls(ast.parse(file.read_bytes())), "use read_text and write_text of insitu.core"


def test_text_calls_are_recognised() -> None:
    for line in ("path.read_text()", "p.write_text('a', encoding='utf-8')", "open('a')", "path.open('w')"):
        assert text_calls(ast.parse(line))
    for line in ("path.open('rb')", "open(a, 'wb')", "os.open(a, 3)", "read_text(path)", "Memory.open(path)"):
        assert not text_calls(ast.parse(line))


def test_text_comes_back_as_it_was(tmp_path: Path) -> None:
    file = tmp_path / "folder" / "text"
    for text in ("", "é µ 漢\n", "a\n\nb", "no end"):
        write_text(file, text)
        assert (read_text(file), file.read_bytes()) == (text, text.encode())
    file.write_bytes(b"\xef\xbb\xbfa\r\nb")
    assert read_text(file) == "a\nb", "as an editor on Windows leaves it"
    file.write_bytes(b"\xff")
    with pytest.raises(UnicodeDecodeError):
        read_text(file)
    write_text(file, "name \udcff")
    assert read_text(file) == "name \\udcff"


IN_TURN = """
import itertools, sys
from insitu.cli.main import main
for is_separator, words in itertools.groupby(sys.argv[1:], ";".__eq__):
    if not is_separator and (code := main(list(words))):
        sys.exit(code)
"""


def in_ascii(*commands: tuple[str, ...], folder: Path) -> subprocess.CompletedProcess[bytes]:
    """Run commands one after the other, in one process, up to the first that fails."""
    settings = {"PYTHONUTF8": "0", "PYTHONCOERCECLOCALE": "0", "LC_ALL": "C"}
    words = [word for command in commands for word in (";", *command)]
    return subprocess.run(
        [sys.executable, "-c", IN_TURN, *words], cwd=folder, env=os.environ | settings, capture_output=True, check=False
    )


def test_the_command_line_does_its_work_where_the_system_is_set_to_ascii(tmp_path: Path) -> None:
    with Memory.open(tmp_path / "a.insitu", substrate="digital", dim=8, who="Zoë") as memory:
        memory.fit(np.eye(3), ["é", "漢", "c"])
    done = in_ascii(
        ("memory", "info", "a.insitu"),
        ("memory", "export", "a.insitu", "out"),
        ("memory", "import", "b.insitu", "out"),
        ("memory", "import", "ç.insitu", "out", "--replay"),
        ("memory", "backup", "ç.insitu", "c.insitu"),
        ("memory", "forget", "b.insitu", "é"),
        ("memory", "verify", "b.insitu"),
        ("show", "crossbar"),
        folder=tmp_path,
    )
    assert done.returncode == 0, done.stderr
    assert done.stdout.decode("ascii")
    card = json.loads((tmp_path / "out.json").read_bytes())
    assert [each["label"] for each in card["classes"]] == ["c", "é", "漢"]
    with Memory.open(tmp_path / "b.insitu", readonly=True) as memory:
        assert memory.classes_.tolist() == ["c", "漢"]
    assert (tmp_path / "ç.insitu").exists()
    done = in_ascii(("memory", "forget", "a.insitu", "ü"), folder=tmp_path)
    assert (done.returncode, len(done.stderr.splitlines())) == (2, 1)
