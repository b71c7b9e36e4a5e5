"""Teach and query an exported memory on a board at a serial port, and exchange what it has learned.

usage: insitu device info PORT
       insitu device teach PORT LABEL [FILE ...] [--memory PATH]
       insitu device predict PORT [FILE ...] [--memory PATH]
       insitu device forget PORT LABEL ...
       insitu device backup PORT OUT
       insitu device restore PORT FROM
       insitu device pull PORT PATH
       insitu device push PORT PATH

PORT is a serial device (/dev/ttyACM0, COM3, the pseudo-terminal of QEMU) or socket://host:port; --baud is its speed,
115200 by default. A FILE of numbers (CSV or NPY) is an example per row; with --memory, a file is an item of that
memory's encoder, such as a picture. Without a FILE, the board's sensor gives the example.

predict prints a line per example: the most similar class, its similarity, how far the next class is behind, and where
the example is from. Similarity is the cosine between the example's vector and the class's, corrected for how few
examples the class has: 0 is unrelated, and for a class of few examples it may exceed 1, up to 3.2. It is no
probability. forget forgets all of the classes, or none where the board does not hold one of them.

backup saves the memory of the board to its storage and writes the same block to the file OUT; restore replaces it by
such a block. pull teaches the memory at PATH the classes and examples by which the board is ahead, push the other way.
Every request is repeated until it is answered, and carried out once; the protocol is in docs/board.md.
"""

from __future__ import annotations

import sys
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from insitu.cli.text import printable
from insitu.core import InsituError

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from insitu.board import Board

NEEDS = {"info": 0, "teach": 1, "predict": 0, "forget": 1, "backup": 1, "restore": 1, "pull": 1, "push": 1}
OPEN = ("teach", "predict", "forget")  # that take any number of words more


@dataclass(frozen=True)
class Options:
    """Options of talking to a board."""

    baud: int = 115200  # speed of the serial line, bits per second
    memory: Path | None = None  # memory whose encoder turns files into inputs of the board; by default they are numbers


def main(args: list[str]) -> int:
    """Carry out the first argument on the board at the second."""
    from insitu.board import Board
    from insitu.cli import flags

    words = [word for word in args if not word.startswith("-")]
    first = next((k for k, word in enumerate(args) if word.startswith("-")), len(args))
    verb, given = words[0] if words else "", args[2:first]
    if verb not in NEEDS or first < 2 + NEEDS[verb] or (verb not in OPEN and first > 2 + NEEDS[verb]):
        raise InsituError(f"device takes {', '.join(NEEDS)}, a port and what that needs; see 'insitu device --help'")
    options, _ = flags.parse(Options(), args[first:], prog="insitu device")
    files = len(given) - (verb == "teach") if verb in ("teach", "predict") else 0
    if options.memory is not None and not files:
        raise InsituError(f"--memory is for files that teach and predict encode; leave it out of {verb}, or give files")
    with Board(args[1], options.baud) as board:
        board.info()
        _carry_out(board, verb, given, options)
    return 0


def _carry_out(board: Board, verb: str, given: list[str], options: Options) -> None:
    if verb == "info":
        _print_info(board)
    elif verb == "teach":
        inputs = _inputs(board, given[1:], options.memory)
        for _, codes in inputs:
            board.teach(given[0], codes)
        print(f"taught  {len(inputs)} of {given[0]}")
    elif verb == "predict":
        for name, codes in _inputs(board, given, options.memory):
            found = board.predict(codes)
            margin = "" if found.margin is None else f"\t{found.margin:.3f} ahead"
            print(f"{printable(found.label)}\t{found.similarity:.3f}{margin}\t{name}")
    elif verb == "forget":
        board.forget_all(given)
        print("\n".join(f"forgot  {printable(label)}" for label in dict.fromkeys(given)))
    elif verb == "backup":
        block = board.backup()
        Path(given[0]).write_bytes(block)
        print(f"saved   {len(block)} bytes to {given[0]}")
    elif verb == "restore":
        board.restore(Path(given[0]).read_bytes())
        print(f"loaded  {given[0]}")
    else:
        _exchange(board, verb, Path(given[0]))


def _print_info(board: Board) -> None:
    info, classes = board.info(), board.classes()
    print(f"inputs  {info.features} codes, {info.rows} rows, model {info.digest:08x}")
    print(f"classes {info.held} of {info.capacity}, labels up to {info.label_bytes - 1} bytes")
    for label, shots in classes.items():
        print(f"        {printable(label)}: {shots} examples")


def _exchange(board: Board, verb: str, path: Path) -> None:
    from insitu.memory import Memory

    if not path.is_file():
        raise InsituError(f"there is no memory at {path}; give the path of the one that was exported")
    with Memory.open(path, readonly=verb == "push") as memory:
        learned = memory.pull(board) if verb == "pull" else memory.push(board)
    for label, examples in learned.items():
        print(f"{verb}ed  {label}: {examples} examples")
    if not learned:
        print(f"{verb}ed  nothing: {'the memory' if verb == 'pull' else 'the board'} knows all of it")


def _inputs(board: Board, files: list[str], path: Path | None) -> list[tuple[str, NDArray[np.int16] | None]]:
    """Return the names and codes of the examples in files; without any, one of the sensor."""
    import numpy as np

    from insitu.encoders import own_items
    from insitu.memory import Memory
    from insitu.memory.board_memory import codes_of
    from insitu.memory.integer_space import CODE_TOP

    if not files:
        return [("sensor", None)]
    encoder: Any = None
    if path is not None:
        with Memory.open(path, readonly=True) as memory:
            encoder = memory.settings.encoder
    read, failed = own_items.read(map(Path, files), "vectors" if encoder is None else encoder.kind)
    items = [item for own in read for item in own]
    if not failed and items:
        x, places, failed = own_items.encode(items, encoder, board.info().features)
    if failed or not items:
        raise InsituError("; ".join(f"{each.name}: {each.error}" for each in failed[:3]) or "the files hold no example")
    codes = codes_of(board, x)
    if beyond := int((np.abs(codes) == CODE_TOP).any(1).sum()):
        what = f"{beyond} of {len(codes)} examples have numbers out of range, taken as the nearest"
        print(f"insitu: {what}", file=sys.stderr)
    return [(items[place].name, row) for place, row in zip(places, codes, strict=True)]
