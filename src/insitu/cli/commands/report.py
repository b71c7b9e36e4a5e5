"""Show the report of a run, compare two runs, or write the results of many as Markdown, CSV or a figure.

usage: insitu report DIR_OR_FILE ...       show the tables and write the page again; of a folder without a report.json,
                                           of all reports below it (insitu report runs)
       insitu report A B                   compare two runs: what differs in them, then figure by figure
       insitu report --csv DIR_OR_FILE ... print all figures as CSV, one a line (insitu report --csv runs > figures.csv)
       insitu report --results docs/results.md DIR_OR_FILE ...
       insitu report --figure docs/figures/NAME.svg DIR_OR_FILE

--results writes the ledger of all reports, or only what is between the markers where the file has them; --figure draws
the first two figures of a report as .svg or .png. Nothing is computed: report.json holds all that is shown.
"""

from __future__ import annotations

import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from insitu.core import InsituError

EXAMPLES = {"--results": "docs/results.md", "--figure": "docs/figures/NAME.svg"}


def main(args: list[str]) -> int:
    """Show the reports given, compare two, or write what the flags ask for."""
    files, as_csv, given = _arguments(args)
    from insitu.report import compare, document, drawing, html_page, markdown, sections, spreadsheet, terminal
    from insitu.report.table import Figure

    found = [file for each in given for file in _files(each)]
    reports = {file: document.load(file) for file in found}
    console = terminal.console()
    with _complete(", ".join(map(str, found))):
        if results := files.get("--results"):
            markdown.save([reports[file] for file in found], results)
            print(f"results  {results}")
        if picture := files.get("--figure"):
            drawn = [block for block in sections.blocks(reports[found[0]]) if isinstance(block, Figure)]
            drawing.save(sorted(drawn, key=lambda figure: not figure.cover)[:2], picture)
            print(f"figure  {picture}")
        if as_csv:
            spreadsheet.write({str(_run(file)): report for file, report in reports.items()}, sys.stdout)
        if files or as_csv:
            return 0
        if len(given) == 2 == len(reports):
            first, second = reports.values()
            names = [str(_run(file)) for file in reports]
            terminal.print_table(compare.compare(first, second, (names[0], names[1])), console)
            return 0
    for file, report in reports.items():
        with _complete(str(file)):
            terminal.show(report, console)
            html_page.save(report, file.with_suffix(".html"))
        print(f"\nreport  {file.with_suffix('.html')}")
    return 0


@contextmanager
def _complete(files: str) -> Iterator[None]:
    """Say in one line that a report lacks a part, or has one of the wrong shape, where a view fails on it."""
    try:
        yield
    except (LookupError, TypeError, AttributeError, ValueError) as error:
        raise InsituError(
            f"{files}: not a complete report ({type(error).__name__}: {error}); run the experiment again"
        ) from error


def _run(file: Path) -> Path:
    """Return the folder that a report is known by, or the file where it has another name."""
    return file.parent if file.name == "report.json" else file


def _files(given: Path) -> list[Path]:
    """Return the report of a folder, or those below it where it has none of its own."""
    own = given / "report.json" if given.is_dir() else given
    below = sorted(given.rglob("report.json")) if given.is_dir() and not own.exists() else []
    return below or [own]


def _arguments(args: list[str]) -> tuple[dict[str, Path], bool, list[Path]]:
    files: dict[str, Path] = {}
    given, rest, as_csv = [], list(args), False
    while rest:
        word, equals, value = rest.pop(0).partition("=")
        if word in EXAMPLES:
            if not equals and not rest:
                raise InsituError(f"{word} takes the file to write, such as {EXAMPLES[word]}")
            files[word] = Path(value if equals else rest.pop(0))
        elif word == "--csv":
            as_csv = True
        elif word.startswith("-"):
            raise InsituError(
                f"report does not know {word}; it takes folders or files of reports, --csv, --results FILE and "
                "--figure FILE"
            )
        else:
            given.append(Path(word))
    if not given:
        raise InsituError("report takes the folder of a run (runs/NAME) or its report.json")
    return files, as_csv, given
