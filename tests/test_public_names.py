"""``import insitu`` is quick and offers every public name, to users as to type checkers."""

from __future__ import annotations

import ast
import re
import subprocess
import sys

import pytest

import insitu
import public_names
import public_names_client
from documentation import PAGES
from insitu import catalog

USED = re.compile(r"(?<![\w./*-])insitu\.([A-Za-z_]\w*)|^from insitu import (.+)$", re.MULTILINE)
COMMANDS = {"cli", "service"}
FILES = {"token", "h", "c"}  # insitu.token, an example of a file's name; insitu.h and insitu.c, which are exported


def test_import_loads_no_library_and_names_are_listed_without_torch() -> None:
    code = (
        "import sys; import insitu; assert not {'numpy', 'torch'} & set(sys.modules); dir(insitu); insitu.InsituError;"
        "assert 'torch' not in sys.modules; insitu.Memory; assert 'torch' in sys.modules"
    )
    subprocess.run([sys.executable, "-c", code], check=True)


@pytest.mark.parametrize("name", dir(insitu))
def test_every_listed_name_is_there(name: str) -> None:
    value = getattr(insitu, name)
    assert name == "__version__" or name in (value.__name__, value.__name__.removeprefix("insitu."))


def test_parts_are_public_under_names_of_their_own() -> None:
    parts = [part for room in insitu._ROOMS for part in catalog.parts(room)]
    others = {*insitu._HOMES, *insitu._modules()}
    assert len({part.symbol for part in parts} - others) == len(parts)
    assert {part.symbol for part in parts} < set(insitu.__all__)
    assert set(insitu.__all__) - {"__version__"} <= set(dir(insitu))


def test_type_checkers_see_the_same_names() -> None:
    text = public_names.STUB.read_text(encoding="utf-8")
    assert text == public_names.stub(), "run `make format`"
    seen = {alias.name for node in ast.parse(text).body if isinstance(node, ast.ImportFrom) for alias in node.names}
    assert seen == set(dir(insitu)) - {"__version__"}
    assert (public_names.STUB.parent / "py.typed").exists()


def test_names_that_the_pages_use_are_listed() -> None:
    found = [each for page in PAGES for each in USED.findall(page.read_text(encoding="utf-8"))]
    names = {name.strip() for one, several in found for name in [one, *several.split(",")] if name.strip()}
    assert len(names) > 5
    assert names - COMMANDS - FILES <= set(dir(insitu))


def test_an_unknown_name_is_an_attribute_error() -> None:
    with pytest.raises(AttributeError, match="module 'insitu' has no attribute 'Membory'"):
        public_names_client.misspelt[0]()


def test_the_client_runs() -> None:
    from torch import nn

    assert public_names_client.remember() == ["a", "b", "c"]
    assert isinstance(public_names_client.hold(nn.Linear(3, 2)), nn.Module)
    assert public_names_client.compose().support == "program"
