"""A frozen binary network as C: its constants and working space, and the hand-written sources next to them."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from insitu.backbones.binary.integer import SLOPE_BITS, IntegerLayer, IntegerNetwork, words32
from insitu.backbones.binary.integer_dense import DenseLayer
from insitu.export.arrays import constants
from insitu.export.folder import comment, sizes_of_buffers, write_part

FILES = ("insitu_network.h", "insitu_network.c", "insitu_internal.h", "insitu.h")
DENSE_FILES = ("insitu_dense.h", "insitu_dense.c")  # of networks with layers of these


def export_network(network: IntegerNetwork, folder: Path) -> list[Path]:
    """Write the folder of C sources; return its files. Files of the same names are replaced, others are kept."""
    sources = (*FILES, *(DENSE_FILES if _is_dense(network) else ()))
    return write_part(folder, sources, {"network.c": network_source(network), "network.h": sizes_header(network)})


def sizes_header(network: IntegerNetwork) -> str:
    """Return ``network.h``: sizes that buffers of an application need."""
    channels = network.stem.weight.shape[-1]
    return sizes_of_buffers(
        {
            "IMAGE_SIDE": network.size,
            "IMAGE_CHANNELS": channels,
            "LATENT_WORDS": latent_words(network),
            "NETWORK_FEATURES": network.last.weight.out,
        }
    )


def latent_words(network: IntegerNetwork) -> int:
    """Return the words of 32 bits of a latent."""
    return network.sides[-1] ** 2 * -(-network.last.channels // 32)


def network_source(network: IntegerNetwork) -> str:
    """Return ``network.c``."""
    layers, stem, space = [*network.layers, network.last], network.stem, working_space(network)
    outputs, _, _, channels = stem.weight.shape
    header = "insitu_dense.h" if _is_dense(network) else "insitu_network.h"
    parts: dict[str, NDArray[Any]] = {
        "stem_weight": stem.weight,
        "stem_multiplier": stem.after.multiplier.astype(np.int32),
        "stem_bias": stem.after.bias,
        "stem_threshold": stem.threshold.astype(np.int16),
        "scale": network.scale.astype(np.int16),
        "signs": network.signs.astype(np.int16),
        "flipped": network.flipped.astype(np.uint8),
    }
    features, words = network.last.weight.out, -(-network.last.channels // 32)
    return "\n".join(
        [
            comment(
                f"a frozen binary network from images of {network.size} x {network.size} x {channels} bytes to "
                f"{features} features"
            ),
            f'#include "{header}"\n',
            *(constants(name, values) for name, values in parts.items()),
            *(_layer_constants(number, layer) for number, layer in enumerate(layers)),
            "static const insitu_layer layers[] = {",
            *(_layer_record(number, layer) for number, layer in enumerate(layers)),
            "};\n",
            f"static int16_t map_a[{space.numbers}], map_b[{space.numbers}], patch[{space.patch}];",
            f"static uint32_t bits_a[{space.words}], bits_b[{space.words}];",
            f"static uint32_t window[{space.window}];",
            f"static int32_t sums[{space.sums}];\n",
            "const insitu_network insitu_exported_network = {",
            f"    {network.size}, {channels}, {outputs}, {features}, {network.sides[-1]}, {words},",
            f"    {stem.after.shift}, {int(stem.pools)}, {len(network.layers)},",
            "    stem_weight, stem_multiplier, stem_bias, stem_threshold,",
            f"    layers, layers + {len(network.layers)}, {'insitu_dense_apply' if _is_dense(network) else 0},",
            "    scale, signs, flipped,",
            "    {map_a, map_b}, {bits_a, bits_b}, window, patch, sums};\n",
        ]
    )


@dataclass(frozen=True)
class WorkingSpace:
    """Sizes of the arrays that a network works in; there are two of maps and of their bits."""

    numbers: int  # of a map
    words: int  # of the bits of a map
    window: int  # words of a 3x3 window of bits
    patch: int  # numbers that a float layer takes at a position
    sums: int


def working_space(network: IntegerNetwork) -> WorkingSpace:
    """Return the working space of a network, whose largest layers decide."""
    outputs, _, _, channels = network.stem.weight.shape
    widths = [outputs, *(layer.out for layer in network.layers)]
    dense = [layer for layer in network.layers if isinstance(layer, DenseLayer)]
    binary = [network.last, *(layer for layer in network.layers if isinstance(layer, IntegerLayer))]
    return WorkingSpace(
        max(side**2 * width for side, width in zip(network.sides, widths, strict=True)),
        max(side**2 * -(-width // 32) for side, width in zip(network.sides, widths, strict=True)),
        9 * max(-(-layer.channels // 32) for layer in binary),
        max([16 * channels, *(layer.channels for layer in dense)]),
        max([network.last.out, *(layer.out for layer in dense)]),
    )


def _is_dense(network: IntegerNetwork) -> bool:
    return any(isinstance(layer, DenseLayer) for layer in network.layers)


def _layer_constants(number: int, layer: IntegerLayer | DenseLayer) -> str:
    parts: dict[str, NDArray[Any]] = {"multiplier": layer.after.multiplier.astype(np.int32)}
    if isinstance(layer, IntegerLayer):
        parts |= {
            "weight": words32(layer.weight.words, layer.channels),
            "bias": layer.after.bias.astype(np.int32),
            **{name: getattr(layer, name).astype(np.int16) for name in effective(layer)},
        }
        return _named(number, parts)
    parts |= {"weight": layer.weight, "bias": layer.after.bias, "threshold": layer.threshold.astype(np.int16)}
    if layer.filters is not None:
        after = layer.filters.after
        parts |= {
            "filter": layer.filters.weight,
            "filter_multiplier": after.multiplier.astype(np.int32),
            "filter_bias": after.bias,
        }
    return _named(number, parts) + _dense_record(number, layer)


def effective(layer: IntegerLayer) -> list[str]:
    """Return which constants behind the batch norm change anything; the others are not written."""
    without = {"slope": 1 << SLOPE_BITS, "lift": 0, "threshold": 0}
    return [name for name, value in without.items() if (getattr(layer, name) != value).any()]


def _named(number: int, parts: dict[str, NDArray[Any]]) -> str:
    return "\n".join(constants(f"{name}_{number}", values) for name, values in parts.items())


def _dense_record(number: int, layer: DenseLayer) -> str:
    filters = [f"{name}_{number}" for name in ("filter", "filter_multiplier", "filter_bias")]
    shift = layer.filters.after.shift if layer.filters is not None else 0
    numbers = layer.channels, layer.out, int(layer.halve), shift, layer.after.shift
    given = ", ".join([*map(str, numbers), *(filters if layer.filters is not None else "000")])
    names = ", ".join(f"{name}_{number}" for name in ("weight", "multiplier", "bias", "threshold"))
    return f"\nstatic const insitu_dense dense_{number} = {{{given}, {names}}};\n"


def _layer_record(number: int, layer: IntegerLayer | DenseLayer) -> str:
    if isinstance(layer, DenseLayer):
        return f"    {{{'0, ' * 11}&dense_{number}}},"
    names = [f"{name}_{number}" for name in ("weight", "multiplier", "bias")]
    written = effective(layer)
    names += [f"{name}_{number}" if name in written else "0" for name in ("slope", "lift", "threshold")]
    numbers = layer.channels, layer.out, layer.stride, layer.after.shift, int(layer.rectify)
    return f"    {{{', '.join(map(str, numbers))}, {', '.join(names)}, 0}},"
