"""Export a memory or a binary backbone as portable C, for learning on a microcontroller.

usage: insitu export c SOURCE OUT [--capacity N] [--label-bytes 24] [--input-step S] [--activations] [--plan]

SOURCE is the file of a memory, or the name of a binary backbone; OUT is a folder, which gets the C sources, and for a
memory a Makefile and an example. A memory of images is exported with its backbone, if that is binary; --activations
exports it alone, and its inputs are then the backbone's activations. --capacity is the number of classes there is room
for (twice those held, at least 16), --label-bytes the longest label plus one. Inputs are integers of 16 bits; without
--input-step each feature has a step of its own, which model.c states. With it, an input of 1 stands for S in every
feature, as the readings of a sensor do. --plan also prints flash, RAM and the work of each verb, with code, stack and
instructions on a Cortex-M4 where arm-none-eabi-gcc and qemu-system-arm are installed.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from insitu.core import InsituError

if TYPE_CHECKING:
    from insitu.export.plan import Plan


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

    if len(args) < 3 or args[0] != "c" or any(word.startswith("-") for word in args[1:3]):
        raise InsituError(
            f"export takes c, the file of a memory and a folder; got {' '.join(args) or 'nothing'}; see --help"
        )
    source, out = Path(args[1]), Path(args[2])
    options, _ = flags.parse(Options(), args[3:], prog="insitu export c")
    as_network = not source.is_file() and _is_backbone(args[1])
    files, plans = _network(args[1], out) if as_network else _memory(source, out, options)
    print(f"folder  {out}: {', '.join(sorted({file.name for file in files}))}")
    if options.plan:
        _print_plans(plans, out)
    return 0


def _is_backbone(name: str) -> bool:
    from insitu.backbones import trained

    try:
        return trained.stem(name).with_suffix(".safetensors").is_file()
    except InsituError:
        return False


def _network(name: str, out: Path) -> tuple[list[Path], list[Plan]]:
    from insitu.backbones import trained, weights_file
    from insitu.backbones.binary.integer import integer_network
    from insitu.export import export_network
    from insitu.export.plan import network_plan

    network, card, _ = weights_file.load(trained.stem(name))
    whole = integer_network(network, int(card["image_size"]))
    print(f"network {name}, {whole.size} pixels a side, {whole.last.weight.out} features")
    return export_network(whole, out), [network_plan(whole)]


def _memory(source: Path, out: Path, options: Options) -> tuple[list[Path], list[Plan]]:
    from insitu.export import export_memory, export_network, integer_memory, network_of
    from insitu.export.plan import memory_plan, network_plan
    from insitu.memory import Memory

    if not source.is_file():
        raise InsituError(f"there is no memory at {source}, nor a backbone of that name; give the path of a memory")
    with Memory.open(source, readonly=True) as memory:
        network = None if options.activations else network_of(memory)
        step = options.input_step if network is None else 1.0  # inputs are the signs of its features
        exported = integer_memory(memory, options.capacity, options.label_bytes, step)
    held = sum(1 for label in exported.labels if label)
    print(
        f"memory  {held} classes of {exported.capacity}, {exported.space.rows} rows, {exported.space.features} inputs"
    )
    files = export_memory(exported, out)
    if network is None:
        return files, [memory_plan(exported)]
    return [*files, *export_network(network, out)], [memory_plan(exported), network_plan(network)]


def _print_plans(plans: list[Plan], out: Path) -> None:
    from insitu.export import measured
    from insitu.export.plan import CHIP

    print(f"flash   {sum(plan.flash_bytes for plan in plans)} bytes of constants")
    print(f"RAM     {sum(plan.ram_bytes for plan in plans)} bytes, static")
    found = None
    if missing := measured.missing():
        print(f"code    not measured: {missing} is not installed")
    else:
        found = measured.measure(out)
        print(f"code    {found.code_bytes} bytes, stack at most {found.stack_bytes} bytes; Cortex-M4, -O2")
    for work in (work for plan in plans for work in plan.work):
        counts = f"{work.multiply_accumulates} multiply-accumulates, {work.words_compared} words compared"
        line = f"{work.name:8}{counts}, {work.bytes_moved} bytes moved"
        if found is not None and work.name in found.instructions:
            instructions = found.instructions[work.name]
            energy = f"about {work.energy_uj(instructions):.3g} µJ on {CHIP}"
            line += f"; {instructions} instructions, {energy}"
        print(line)
