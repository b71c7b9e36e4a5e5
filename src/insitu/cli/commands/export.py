"""Export a memory as portable C that goes on learning on a microcontroller.

usage: insitu export c SOURCE OUT [--capacity N] [--label-bytes 24] [--input-step S] [--activations]

SOURCE is the file of a memory; OUT is a folder, which gets the C sources, a Makefile and an example. --capacity is the
number of classes there is room for (twice those held, at least 16), --label-bytes the longest label plus one.
Inputs are integers of 16 bits; without --input-step each feature has a step of its own, which model.c states. With
it, an input of 1 stands for S in every feature, as the readings of a sensor do. --activations exports a memory of
images without its backbone: inputs are then the backbone's activations.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from insitu.core import InsituError


@dataclass(frozen=True)
class Options:
    """Options of an export."""

    capacity: int | None = None  # number of classes there is room for; by default twice those held, at least 16
    label_bytes: int = 24  # bytes of a label in UTF-8, its final 0 included
    input_step: float | None = None  # what an input of 1 stands for in every feature; by default a step per feature
    activations: bool = False  # export a memory of images without its backbone, which computes the inputs


def main(args: list[str]) -> int:
    """Export the memory at the second argument into the folder at the third."""
    from insitu.cli import flags

    if len(args) < 3 or args[0] != "c" or any(word.startswith("-") for word in args[1:3]):
        raise InsituError(
            f"export takes c, the file of a memory and a folder; got {' '.join(args) or 'nothing'}; see --help"
        )
    source, out = Path(args[1]), Path(args[2])
    options, _ = flags.parse(Options(), args[3:], prog="insitu export c")
    if not source.is_file():
        raise InsituError(f"there is no memory at {source}; give the path of one")

    from insitu.export import export_memory, integer_memory
    from insitu.memory import Memory

    with Memory.open(source, readonly=True) as memory:
        exported = integer_memory(
            memory, options.capacity, options.label_bytes, options.input_step, options.activations
        )
    files = export_memory(exported, out)
    held = sum(1 for label in exported.labels if label)
    print(
        f"memory  {held} classes of {exported.capacity}, {exported.space.rows} rows, {exported.space.features} inputs"
    )
    print(f"folder  {out}: {', '.join(file.name for file in files)}")
    return 0
