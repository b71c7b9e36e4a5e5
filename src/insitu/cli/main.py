"""The command line: finds the sub-command's file, runs it, and turns every failure into one line and an exit code."""

from __future__ import annotations

import ast
import importlib
import io
import os
import sys
import traceback
import warnings
from pathlib import Path

import insitu
from insitu import catalog
from insitu.cli.text import printable
from insitu.core import InsituError, read_text

OK, IO_ERROR, USAGE, BUG, INTERRUPTED, PIPE_CLOSED = 0, 1, 2, 70, 130, 141
COMMANDS = Path(__file__).parent / "commands"
HELP = ("-h", "--help")
LIST_FLAGS = ("run", "sweep", "train", "matrix", "teach", "predict", "serve")  # where help follows a name
# of the help text
ORDER = (
    *("list", "show", "teach", "predict", "memory", "serve", "run", "sweep", "matrix", "report", "plan", "train"),
    *("data", "fit-device"),
)


def main(args: list[str] | None = None) -> int:
    """Run ``args`` (default: those of the process) and return the exit code; never a traceback."""
    given = sys.argv[1:] if args is None else args
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(errors="backslashreplace")  # characters that the terminal lacks are escaped
    warnings.showwarning = _show_warning  # type: ignore[assignment]  # it ignores where the warning was raised
    try:
        code = _run(given)
        sys.stdout.flush()
        return code
    except BrokenPipeError:
        # the reader has closed the pipe (insitu list | head): discard what is still buffered
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return PIPE_CLOSED
    except InsituError as error:
        return _fail(error, IO_ERROR if isinstance(error.__cause__, OSError) else USAGE)
    except OSError as error:
        named = f"{error.filename}: " if error.filename else ""
        return _fail(InsituError(f"{named}{error.strerror or error}"), IO_ERROR)
    except KeyboardInterrupt as stop:
        print(f"insitu: interrupted{f'; {stop}' if str(stop) else ''}", file=sys.stderr)
        return INTERRUPTED
    except Exception as error:
        what = f"{type(error).__name__}: {error}"
        return _fail(InsituError(f"{what} (this is a bug of insitu; INSITU_DEBUG=1 shows where)"), BUG)


def commands() -> dict[str, str]:
    """Return the sub-commands with the first line of each file's docstring."""
    files = {file.stem.replace("_", "-"): file for file in COMMANDS.glob("[!_]*.py")}
    names = sorted(files, key=lambda name: (ORDER.index(name) if name in ORDER else len(ORDER), name))
    return {name: _doc(files[name]).split("\n", 1)[0] for name in names}


def _run(args: list[str]) -> int:
    known = commands()
    if not args or args[0] in (*HELP, "help"):
        print(_help(known))
        return OK
    name, rest = args[0], args[1:]
    if name in ("-V", "--version"):
        print(_version())
        return OK
    if name not in known:
        hint = catalog.suggest(name, list(known)) or f"there are {', '.join(known)}"
        raise InsituError(f"no command {name!r}; {hint}; see 'insitu --help'")
    stem = name.replace("-", "_")
    if any(word in HELP for word in (rest[:1] if name in LIST_FLAGS else rest)):
        print(_doc(COMMANDS / f"{stem}.py"))
        return OK
    code: int = importlib.import_module(f"insitu.cli.commands.{stem}").main(rest)
    return code


def _help(known: dict[str, str]) -> str:
    width = max(map(len, known))
    lines = [f"  {name:{width}}  {summary}" for name, summary in known.items()]
    return "\n".join(
        [
            "insitu learns a new thing from a handful of examples, on the device, in the memory itself.",
            "",
            "usage: insitu COMMAND ...",
            "",
            *lines,
            "",
            "'insitu COMMAND --help' describes a command; 'insitu list' lists everything that can be run.",
        ]
    )


def _version() -> str:
    return f"insitu {insitu.__version__}"


def _doc(file: Path) -> str:
    return ast.get_docstring(ast.parse(read_text(file))) or ""


def _show_warning(message: Warning | str, *_: object) -> None:
    print(f"insitu: warning: {printable(' '.join(str(message).split()))}", file=sys.stderr)


def _fail(error: Exception, code: int) -> int:
    if os.environ.get("INSITU_DEBUG") == "1":
        traceback.print_exc()
    # one line, even where a library's message has several
    print(f"insitu: error: {printable(' '.join(str(error).split()))}", file=sys.stderr)
    return code
