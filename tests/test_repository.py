"""What the repository may hold: small files, no path of one machine, a docstring per module, all data shipped."""

from __future__ import annotations

import ast
import re
import subprocess
import tomllib
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[1]
PACKAGE = ROOT / "src" / "insitu"
LARGEST_BYTES = 8 * 2**20
# written in two pieces, or this file would find itself
MACHINE_PATH = re.compile(r"(?<![\w.~-])/(?:ho" + r"me|ro" + r"ot|wo" + r"rk)/")


def tracked() -> list[Path]:
    try:
        out = subprocess.run(["git", "ls-files", "-z"], cwd=ROOT, capture_output=True, check=True, text=True).stdout
    except (OSError, subprocess.CalledProcessError):
        pytest.skip("not a git checkout")
    return [ROOT / name for name in out.split("\0") if name and (ROOT / name).is_file()]


def text_of(file: Path) -> str:
    data = file.read_bytes()
    return "" if b"\0" in data[:8192] else data.decode("utf-8", errors="replace")


def test_no_tracked_file_is_large() -> None:
    large = {str(file.relative_to(ROOT)): file.stat().st_size for file in tracked()}
    assert not {name: size for name, size in large.items() if size > LARGEST_BYTES}


def test_no_tracked_text_names_a_path_of_one_machine() -> None:
    found = [
        f"{file.relative_to(ROOT)}:{number}: {line.strip()[:100]}"
        for file in tracked()
        for number, line in enumerate(text_of(file).splitlines(), 1)
        if MACHINE_PATH.search(line)
    ]
    assert not found, "\n".join(found)


def test_machine_paths_are_recognised() -> None:
    some = "/ho" + "me/someone/x"
    assert MACHINE_PATH.search(f"data = '{some}'")
    within = "/wo" + "rk/x"
    assert not MACHINE_PATH.search(f"https://example.org{within} ..{within} ~{within}")


@pytest.mark.parametrize("file", sorted(PACKAGE.rglob("[!_]*.py")), ids=lambda file: str(file.relative_to(PACKAGE)))
def test_every_public_module_says_what_it_is(file: Path) -> None:
    assert ast.get_docstring(ast.parse(file.read_text(encoding="utf-8"))), "a module begins with one sentence"


@pytest.mark.parametrize("file", sorted(PACKAGE.rglob("__init__.py")), ids=lambda file: file.parent.name)
def test_every_room_says_what_it_is(file: Path) -> None:
    assert ast.get_docstring(ast.parse(file.read_text(encoding="utf-8"))), "a room begins with one sentence"


def test_all_data_of_the_package_is_shipped() -> None:
    patterns = tomllib.loads((ROOT / "pyproject.toml").read_text())["tool"]["setuptools"]["package-data"]["insitu"]
    shipped = {file for pattern in patterns for file in PACKAGE.glob(pattern)}
    data = {file for file in tracked() if file.is_relative_to(PACKAGE) and file.suffix != ".py"}
    assert not data - shipped, "add a pattern to package-data in pyproject.toml"


def test_constraints_pin_every_direct_dependency() -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    asked = [*project["dependencies"], *project["optional-dependencies"]["dev"]]
    pinned = {line.split("==")[0] for line in (ROOT / "constraints.txt").read_text().splitlines() if "==" in line}
    names = {re.split(r"[<>=!~ \[]", one)[0].lower() for one in asked}
    assert not names - pinned, "pin what is asked for"
