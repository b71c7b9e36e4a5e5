"""A memory as C: its space and classes in integers, and the hand-written sources next to them."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from insitu.backbones import trained, weights_file
from insitu.backbones.binary.frozen import Frozen
from insitu.backbones.binary.integer import IntegerNetwork, integer_network
from insitu.core import InsituError, is_path
from insitu.export.arrays import constants
from insitu.export.folder import comment, sizes_of_buffers, write_part
from insitu.learners.array_columns import held_columns
from insitu.memory.integer_memory import IntegerMemory
from insitu.memory.integer_space import integer_space

if TYPE_CHECKING:
    from insitu.memory import Memory

FILES = (
    *("insitu.h", "insitu.c", "insitu_save.c", "insitu_internal.h", "ram_flash.h"),
    *("insitu_serial.h", "insitu_serial.c", "insitu_requests.c", "firmware.c"),
)


def integer_memory(
    memory: Memory,
    capacity: int | None = None,
    label_bytes: int = 24,
    input_step: float | None = None,
) -> IntegerMemory:
    """Return a memory in integers, with the classes that it holds; ``capacity`` classes, twice as many by default.

    Its inputs are vectors: those of the memory's encoder, if it has one.
    """
    model = memory._fitted()
    if model.space is None or model.state is None:
        raise InsituError("the memory holds no class; teach it some examples before it is exported")
    state, learner = model.state, memory.settings.learner()
    held = held_columns(state)
    label_of = {number: str(label) for label, number in model.numbers.items()}
    room = max(2 * len(held), 16) if capacity is None else capacity
    if len(held) > room:
        raise InsituError(f"the memory holds {len(held)} classes, more than the capacity of {room}; give a larger one")
    excess = round(learner.correction * state.projection.scatter * 2**16)
    out = IntegerMemory(integer_space(model.space, input_step), room, label_bytes, excess)
    for slot, (number, column) in enumerate(held.items()):
        sums = np.asarray(state.sums[column], np.float64)
        out.put(slot, label_of[number], sums, int(model.counts[number]))
    return out


def network_of(memory: Memory) -> IntegerNetwork | None:
    """Return the encoder of a memory in integers, or None for a memory of vectors; raise unless it is binary."""
    fitted, encoder = memory._fitted().encoder, memory.settings.encoder
    if not fitted:
        return None
    name = fitted.split()[0] if encoder is None else encoder.name  # by which weights are found, also those at a path
    network, card, _ = weights_file.load(trained.stem(name)) if _is_trained(name) else (None, {}, "")
    if not isinstance(network, Frozen):
        raise InsituError(
            f"the encoder of this memory, {name}, is not a binary network, and is not exported; give --activations to "
            "export the memory alone and compute its inputs otherwise"
        )
    return integer_network(network, int(card["image_size"]))


def _is_trained(name: str) -> bool:
    return is_path(name, trained.WEIGHTS) or any(name in trained.known(use) for use in ("images", "latents"))


def export_memory(memory: IntegerMemory, folder: Path) -> list[Path]:
    """Write the folder of C sources; return its files. Files of the same names are replaced, others are kept."""
    return write_part(folder, FILES, {"model.c": model_source(memory), "model.h": sizes_header(memory)})


def sizes_header(memory: IntegerMemory) -> str:
    """Return ``model.h``: sizes that buffers of an application need."""
    sizes = {
        "FEATURES": memory.space.features,
        "CAPACITY": memory.capacity,
        "LABEL_BYTES": memory.label_bytes,
        "BLOCK_BYTES": len(memory.block()),
    }
    return sizes_of_buffers(sizes)


def model_source(memory: IntegerMemory) -> str:
    """Return ``model.c``: the constants, the classes held, and room for as many as the capacity."""
    space = memory.space
    held = [slot for slot, name in enumerate(memory.labels) if name]
    labels = b"".join(memory.labels[slot].ljust(memory.label_bytes, b"\0") for slot in held)
    text = np.frombuffer(labels, np.uint8)
    parts: dict[str, NDArray[Any]] = {
        "zero": space.zero,
        "gain": space.gain,
        "shift": space.shift,
        "weight": space.weight,
        "bias": space.bias,
        "scale": space.scale,
        "shots": np.array([memory.shots[slot] for slot in held], np.uint32),
        "exponents": np.array([memory.exponents[slot] for slot in held], np.uint8),
        "sums": memory.sums[held].astype(np.int16),
    }
    rows, capacity, features = space.rows, memory.capacity, space.features
    return "\n".join(
        [
            comment(
                f"a memory of {features} inputs and {rows} rows that holds {len(held)} classes and has room for "
                f"{capacity}, of labels up to {memory.label_bytes - 1} bytes; a saved block takes {len(memory.block())}"
            ),
            '#include "insitu.h"\n',
            *(constants(name, values) for name, values in parts.items()),
            constants("labels", text).replace("uint8_t", "char") if _is_ascii(labels) else _escaped(labels),
            "#ifdef INSITU_FLOAT",
            constants("offset", space.offset),
            constants("step", space.step),
            "#endif\n",
            "static const insitu_model model = {",
            f"    {features}, {rows}, {capacity}, {memory.label_bytes}, {space.digest()}u, {memory.excess}u,",
            "    zero, gain, shift, weight, bias, scale,",
            "#ifdef INSITU_FLOAT\n    offset, step,\n#else\n    0, 0,\n#endif",
            f"    {len(held)}, labels, shots, exponents, sums}};\n",
            f"static char held_labels[{capacity * memory.label_bytes}];",
            f"static uint32_t held_shots[{capacity}], gains[{capacity}];",
            f"static uint8_t held_exponents[{capacity}];",
            f"static int16_t held_sums[{capacity * rows}], inputs[{features}], vector[{rows}];",
            f"static int32_t wide[{rows}];\n",
            "insitu_memory insitu_exported_memory = {",
            "    &model, held_labels, held_shots, gains, held_exponents, held_sums, inputs, wide, vector};\n",
        ]
    )


def _is_ascii(labels: bytes) -> bool:
    return all(byte < 128 for byte in labels)


def _escaped(labels: bytes) -> str:
    # a byte of UTF-8 may not fit a signed char
    words = ", ".join(f"(char){byte}" for byte in labels)
    return f"static const char labels[{len(labels)}] = {{{words}}};\n"
