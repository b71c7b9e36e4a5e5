"""Show a report again from its JSON, write its page anew, or make the ledger of results.

usage: insitu report DIR_OR_FILE ...       (of a folder without a report.json, all reports below it: insitu report runs)
       insitu report --results docs/results.md DIR_OR_FILE ...
       insitu report --figure docs/figures/NAME.svg DIR_OR_FILE

--results writes the ledger of all reports, or only what is between the markers where the file has them; --figure draws
accuracy by session and, where there is one, the sweep. Nothing is computed: tables and page only read report.json.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from insitu.core import InsituError, read_text, write_text

EXAMPLES = {"--results": "docs/results.md", "--figure": "docs/figures/NAME.svg"}


def main(args: list[str]) -> int:
    """Render the reports given; with ``--results FILE`` write the ledger of all of them instead."""
    ledger_file, figure_file, given = _arguments(args)
    from insitu.report import document, figures, html_page, markdown, terminal

    loaded = [(file, document.load(file)) for each in given for file in _files(each)]
    shown = ", ".join(str(file) for file, _ in loaded)
    if ledger_file:
        with _whole(shown):
            markdown.save([held for _, held in loaded], ledger_file)
        print(f"results  {ledger_file}")
    if figure_file:
        with _whole(shown):
            drawn = figures.picture(loaded[0][1], read_text(html_page.STYLE))
        write_text(figure_file, drawn)
        print(f"figure  {figure_file}")
    if ledger_file or figure_file:
        return 0
    for file, held in loaded:
        with _whole(str(file)):
            terminal.show(held, terminal.console())
            html_page.save(held, file.with_suffix(".html"))
        print(f"\nreport  {file.with_suffix('.html')}")
    return 0


@contextmanager
def _whole(files: str) -> Iterator[None]:
    """Say in one line that a report lacks a part, or has one of the wrong shape, where a view stumbles over it."""
    try:
        yield
    except (LookupError, TypeError, AttributeError, ValueError) as error:
        raise InsituError(
            f"{files}: not a whole report ({type(error).__name__}: {error}); run the experiment again"
        ) from error


def _files(given: Path) -> list[Path]:
    """Return the report of a folder, or those below it where it has none of its own."""
    own = given / "report.json" if given.is_dir() else given
    below = sorted(given.rglob("report.json")) if given.is_dir() and not own.exists() else []
    return below or [own]


def _arguments(args: list[str]) -> tuple[Path | None, Path | None, list[Path]]:
    files: dict[str, Path] = {}
    given, rest = [], list(args)
    while rest:
        word, equals, value = rest.pop(0).partition("=")
        if word in ("--results", "--figure"):
            if not equals and not rest:
                raise InsituError(f"{word} takes the file to write, such as {EXAMPLES[word]}")
            files[word] = Path(value if equals else rest.pop(0))
        elif word.startswith("-"):
            raise InsituError(
                f"report does not know {word}; it takes folders or files of reports, --results FILE and --figure FILE"
            )
        else:
            given.append(Path(word))
    if not given:
        raise InsituError("report takes the folder of a run (runs/NAME) or its report.json")
    return files.get("--results"), files.get("--figure"), given
