"""Export a memory or a binary backbone as portable C, for learning on a microcontroller.

usage: insitu export c MEMORY OUT [--capacity N] [--label-bytes 24] [--input-step S] [--activations] [--plan]
       insitu export c BACKBONE OUT [--plan]

MEMORY is the file of a memory; BACKBONE a binary backbone, by its name or by the path of its .safetensors file. OUT is
a folder, which gets the C sources, a Makefile and an example: make && ./example. A memory of images is exported with
its backbone, if that is binary; --activations exports it alone, and its inputs are then the backbone's activations.
--capacity is the number of classes there is room for (twice those held, at least 16), --label-bytes the longest label
plus one. Inputs are integers of 16 bits; without --input-step each feature has a step of its own, which model.c states.
With it, an input of 1 stands for S in every feature, as the readings of a sensor do; the inputs of a memory that is
exported with its backbone are signs, +1 and -1.

--plan also prints flash and RAM, and the work of each function, with code, stack and instructions on a Cortex-M4 where
arm-none-eabi-gcc and qemu-system-arm are installed.
"""

from __future__ import annotations

import sys
from collections.abc import Set
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from insitu.core import InsituError

if TYPE_CHECKING:
    from insitu.export.plan import Plan


NEED_VALUES = ("--capacity", "--label-bytes", "--input-step")


@dataclass(frozen=True)
class Options:
    """Options of an export."""

    capacity: int | None = None  # number of classes there is room for; by default twice those held, at least 16
    label_bytes: int = 24  # bytes of a label in UTF-8, its final 0 included
    input_step: float | None = None  # what an input of 1 stands for in every feature; by default a step per feature
    activations: bool = False  # export a memory of images without its backbone, which computes the inputs
    plan: bool = False  # print flash, RAM and the work of each verb


def main(args: list[str]) -> int:
    """Export the memory at the second argument into the folder at the third."""
    from insitu.cli import flags

    words, rest = flags.parted(args, NEED_VALUES, prog="insitu export c")
    if len(words) != 3 or words[0] != "c":
        raise InsituError(
            "export takes c, the file of a memory or the name of a binary backbone, and a folder; "
            f"got {' '.join(args) or 'nothing'}; see --help"
        )
    name, source, out = words[1], Path(words[1]), Path(words[2])
    options, _ = flags.parse(Options(), rest, prog="insitu export c")
    given = {group.name.removeprefix("no-") for group in flags.groups(rest, "insitu export c")} - {"plan"}
    if _is_backbone(name):
        if given:
            raise InsituError(
                f"--{min(given)} is an option for memories, and {name} is a backbone, which takes --plan alone; "
                "leave it out, or give the file of a memory"
            )
        files, plans = _network(name, out)
    else:
        files, plans = _memory(source, out, options, given)
    print(f"folder  {out}: {', '.join(sorted({file.name for file in files}))}")
    if options.plan:
        _print_plans(plans, out)
    return 0


def _is_backbone(name: str) -> bool:
    """Return whether SOURCE is a backbone; raise where it is neither that nor a file."""
    from insitu.backbones import trained

    if Path(name).is_file() and not name.endswith(trained.WEIGHTS):
        return False
    try:
        trained.stem(name)
    except InsituError:
        raise InsituError(
            f"there is no memory at {name}, nor a backbone of that name or path; give the path of a memory or of a "
            f"{trained.WEIGHTS} file, or the name of a binary backbone, such as binary"
        ) from None
    return True


def _network(name: str, out: Path) -> tuple[list[Path], list[Plan]]:
    from insitu.backbones import trained, weights_file
    from insitu.backbones.binary.integer import integer_network
    from insitu.export import export_network
    from insitu.export.plan import network_plan

    if own := trained.hidden(name):
        print(f"insitu: {name} is the backbone of the package; for the one trained here give {own}", file=sys.stderr)
    network, card, _ = weights_file.load(trained.stem(name))
    if "image_size" not in card:
        raise InsituError(f"{name} is no network for images, and is not exported; give a binary_resnet or a quicknet")
    whole = integer_network(network, int(card["image_size"]))
    _check_folder(out, "model.c")
    print(f"network {name}, {whole.size} pixels a side, {whole.last.weight.out} features")
    return export_network(whole, out), [network_plan(whole)]


def _memory(source: Path, out: Path, options: Options, given: Set[str]) -> tuple[list[Path], list[Plan]]:
    from insitu.export import export_memory, export_network, integer_memory, network_of
    from insitu.export.plan import memory_plan, network_plan
    from insitu.memory import Memory

    with Memory.open(source, readonly=True) as memory:
        if "activations" in given and not memory._fitted().encoder:
            raise InsituError("this memory holds vectors, and has no backbone to be left out; leave out --activations")
        network = None if options.activations else network_of(memory)
        if network is not None and "input-step" in given:
            raise InsituError(
                "the inputs of this memory are the signs of its backbone, which have no step; leave out --input-step, "
                "or give --activations to export it without its backbone"
            )
        step = options.input_step if network is None else 1.0
        exported = integer_memory(memory, options.capacity, options.label_bytes, step)
    if network is None:
        _check_folder(out, "network.c")
    held = sum(1 for label in exported.labels if label)
    print(
        f"memory  {held} classes of {exported.capacity}, {exported.space.rows} rows, {exported.space.features} inputs"
    )
    files = export_memory(exported, out)
    if network is None:
        return files, [memory_plan(exported)]
    return [*files, *export_network(network, out)], [memory_plan(exported), network_plan(network)]


def _check_folder(out: Path, other: str) -> None:
    """Raise where the folder has constants that this export does not write: its example would mix two exports."""
    if (out / other).is_file():
        raise InsituError(f"{out} has {other} of another export, which is no part of this one; give another folder")


def _print_plans(plans: list[Plan], out: Path) -> None:
    from insitu.export import measured
    from insitu.export.plan import CHIP
    from insitu.report import formatting

    constants, static = sum(plan.flash_bytes for plan in plans), sum(plan.ram_bytes for plan in plans)
    missing = measured.missing()
    found = None if missing else measured.measure(out)
    if found is None:
        print(f"flash   {_spaced(constants)} bytes of constants, and code: not measured, as {missing} is not installed")
        print(f"RAM     {_spaced(static)} bytes, static, and the stack")
    else:
        flash, ram = constants + found.code_bytes, static + found.stack_bytes
        print(f"flash   {_spaced(flash)} bytes: constants {_spaced(constants)}, code {_spaced(found.code_bytes)}")
        print(f"RAM     {_spaced(ram)} bytes: static {_spaced(static)}, stack at most {_spaced(found.stack_bytes)}")
    print(f"\n{'one call':14}{'multiply-accumulates':>20}{'words compared':>16}{'bytes moved':>14}", end="")
    print(f"{'instructions':>15}{'energy':>10}" if found else "", "  what it does")
    for work in (work for plan in plans for work in plan.work):
        counts = (_spaced(each) for each in (work.multiply_accumulates, work.words_compared, work.bytes_moved))
        print("insitu_{:7}{:>20}{:>16}{:>14}".format(work.name, *counts), end="")
        if found is not None:
            instructions = found.instructions[work.name]
            energy = formatting.energy(1e6 * work.energy_uj(instructions))
            print(f"{_spaced(instructions):>15}{energy:>10}", end="")
        print(f"   {work.what}")
    print("\nWords compared: xor and bit count of 32 signs. Bytes moved: operands that these load.")
    if found is not None:
        print(f"Code, stack and instructions: Cortex-M4, -O2, QEMU. Energy: an estimate for {CHIP}.")


def _spaced(count: int) -> str:
    return f"{count:,}".replace(",", " ")
