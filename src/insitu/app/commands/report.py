"""Show a report again from its JSON, write its page anew, or make the ledger of results.

usage: insitu report DIR_OR_FILE ...
       insitu report --results docs/results.md DIR_OR_FILE ...

Nothing is computed: tables and page only read report.json.
"""

from __future__ import annotations

from pathlib import Path

from insitu.core import InsituError


def main(args: list[str]) -> int:
    """Render the reports given; with ``--results FILE`` write the ledger of all of them instead."""
    ledger_file, given = _arguments(args)
    from insitu.app import page, report, results, terminal

    loaded = [(each / "report.json" if each.is_dir() else each, report.load(each)) for each in given]
    if ledger_file:
        results.save([held for _, held in loaded], ledger_file)
        print(f"results  {ledger_file}")
        return 0
    for file, held in loaded:
        try:
            terminal.show(held, terminal.console())
            page.save(held, file.with_suffix(".html"))
        except (KeyError, TypeError, AttributeError) as error:
            raise InsituError(
                f"{file} is not a whole report ({type(error).__name__}: {error}); run the experiment again"
            ) from error
        print(f"\nreport  {file.with_suffix('.html')}")
    return 0


def _arguments(args: list[str]) -> tuple[Path | None, list[Path]]:
    results, given, rest = None, [], list(args)
    while rest:
        word, equals, value = rest.pop(0).partition("=")
        if word == "--results":
            if not equals and not rest:
                raise InsituError("--results takes the file to write, such as docs/results.md")
            results = Path(value if equals else rest.pop(0))
        elif word.startswith("-"):
            raise InsituError(f"report does not know {word}; it takes folders or files of reports, and --results FILE")
        else:
            given.append(Path(word))
    if not given:
        raise InsituError("report takes the folder of a run (runs/NAME) or its report.json")
    return results, given
