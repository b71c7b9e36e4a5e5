"""What README.md and docs/ print and name is what comes out; ``python tests/documentation.py --update`` writes it."""

from __future__ import annotations

import re
import shlex
import tomllib
from pathlib import Path
from typing import Any

import pytest

import documentation
from documentation import PAGES, ROOT, Example
from insitu import catalog
from insitu.cli.main import main
from insitu.core import install_hint
from insitu.report import seed_cache
from insitu.scenarios import own_folder
from numbered import numbered_items

EXAMPLES = [example for page in PAGES for example in documentation.examples(page)]
COMMANDS = [
    (str(page.relative_to(ROOT)), line.strip().partition("  ")[0].removeprefix(".venv/bin/"))
    for page in PAGES
    for line in page.read_text(encoding="utf-8").splitlines()
    if re.match(r"    (\.venv/bin/)?insitu run ", line)
]


@pytest.mark.parametrize("example", EXAMPLES, ids=str)
def test_examples_print_what_the_page_says(example: Example) -> None:
    assert example.run() == example.printed


def test_pages_have_examples_and_no_printed_block_without_its_code() -> None:
    blocks = sum(page.read_text(encoding="utf-8").count("\n```text\n") for page in PAGES)
    assert len(EXAMPLES) == blocks >= 13


@pytest.fixture
def own_device(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The device of the tutorial as a file of the room."""
    text = (ROOT / "docs" / "tutorials" / "device.py").read_text(encoding="utf-8")
    code = text.partition("my_cell.py\n")[2].partition("# %% [markdown]")[0]
    (tmp_path / "devices").mkdir()
    (tmp_path / "devices" / "my_cell.py").write_text(code, encoding="utf-8")
    monkeypatch.setenv(catalog.OWN, str(tmp_path))


@pytest.mark.usefixtures("own_device")
def test_the_device_of_the_tutorial_is_shown_with_its_curves(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["show", "my-cell"]) == 0
    said = capsys.readouterr().out
    assert "G(t) = G (t / 60 s)^-0.05" in said
    assert "step_us" in said


@pytest.mark.usefixtures("own_device")
@pytest.mark.parametrize(("page", "command"), COMMANDS)
def test_commands_of_the_pages_start(
    page: str, command: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def stop(*_: Any) -> Any:
        raise KeyboardInterrupt

    monkeypatch.setattr(seed_cache.Store, "open", stop)
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(own_folder, "load", lambda *_: numbered_items())
    for name in ("photos", "sounds", "rows"):
        (tmp_path / name).mkdir()
    (tmp_path / "mine.csv").write_text("q1,q2\n" + "0,0\n" * 100)
    code, said = main(shlex.split(command)[1:]), capsys.readouterr().err
    if "is not on this machine" in said:
        pytest.skip(said.strip())
    assert code == 130, f"{page}: {said}"


def test_extras_are_installed_from_the_source_folder_wherever_that_is_said() -> None:
    extras = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]["optional-dependencies"]
    own = [*(ROOT / "src").rglob("*.py"), *(ROOT / "src").rglob("*.js"), *(ROOT / "src").rglob("*.html")]
    said: set[str] = set()
    for file in [*PAGES, *(ROOT / "docs" / "tutorials").glob("*.py"), ROOT / "CONTRIBUTING.md", *own]:
        text = file.read_text(encoding="utf-8")
        assert not re.search(r"insitu\[\w|pip install (--\S+ )*insitu\b", text), f"{file}: insitu is on no index"
        for names in re.findall(r"pip install[^\n'\"]*'\.\[([\w,]+)\]'|install_hint\(\"?'?(\w+)'?\"?\)", text):
            said |= set("".join(names).split(",")) - {"extra", "EXTRA"}
    assert {"photos", "serve", "cluster", "approximate"} <= said <= set(extras)
    assert install_hint("onnx") == "pip install '.[onnx]' in the folder of insitu's source"


def test_the_results_of_the_readme_are_those_of_the_ledger() -> None:
    text = (ROOT / "README.md").read_text(encoding="utf-8")
    rows = text.partition("<!-- results:begin -->")[2].partition("<!-- results:end -->")[0].splitlines()
    ledger = (ROOT / "docs" / "results.md").read_text(encoding="utf-8").splitlines()
    judged = [row for row in rows if re.search(r"\| \**(met|missed|reported|not [a-z]+)[^|]* \|$", row)]
    assert len(judged) == 5
    for row in judged:
        _, claim, _, _, measured, over, verdict = re.split(r"(?<!\\) \| ", row.strip("| "))
        same = [line for line in ledger if line.startswith(f"| {claim} |") and f"| {measured} |" in line]
        assert any(verdict in line and over in line for line in same), row
