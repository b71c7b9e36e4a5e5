"""A frozen binary network as C: its constants and working space, and the hand-written sources next to them."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from insitu.backbones.binary.integer import Affine, IntegerLayer, IntegerNetwork, words32
from insitu.core import write_text
from insitu.export.arrays import constants
from insitu.export.folder import copy_sources

FILES = ("insitu_network.h", "insitu_network.c", "insitu_internal.h", "insitu.h")


def export_network(network: IntegerNetwork, folder: Path) -> list[Path]:
    """Write the folder of C sources; return its files. Files of the same names are replaced, others are kept."""
    copied = copy_sources(FILES, folder)
    write_text(Path(folder) / "network.c", network_source(network))
    return [*copied, Path(folder) / "network.c"]


def network_source(network: IntegerNetwork) -> str:
    """Return ``network.c``."""
    layers = [*network.layers, network.last]
    channels, outputs = network.stem_weight.shape[3], network.stem_weight.shape[0]
    features, side, largest_map, largest_bits = network.last.weight.out, network.size // 2, 0, 0
    widths = [outputs, *(layer.weight.out for layer in network.layers)]
    latent_side = side
    for width, layer in zip(widths, layers, strict=True):
        largest_map = max(largest_map, latent_side**2 * width)
        largest_bits = max(largest_bits, latent_side**2 * -(-width // 32))
        latent_side = (latent_side - 1) // layer.stride + 1
    words = -(-network.last.channels // 32)
    parts: dict[str, NDArray[Any]] = {
        "stem_weight": network.stem_weight,
        "stem_multiplier": network.stem_after.multiplier.astype(np.int32),
        "stem_bias": network.stem_after.bias,
        "stem_threshold": network.stem_threshold.astype(np.int16),
        "scale": network.scale.astype(np.int16),
        "signs": network.signs.astype(np.int16),
        "flipped": network.flipped.astype(np.uint8),
    }
    return "\n".join(
        [
            "/* Written by `insitu export c`. A frozen binary network and its working space. */",
            '#include "insitu_network.h"\n',
            *(constants(name, values) for name, values in parts.items()),
            *(_layer_constants(number, layer) for number, layer in enumerate(layers)),
            "static const insitu_layer layers[] = {",
            *(_layer_record(number, layer) for number, layer in enumerate(layers)),
            "};\n",
            f"static int16_t map_a[{largest_map}], map_b[{largest_map}], patch[{16 * channels}];",
            f"static uint32_t bits_a[{largest_bits}], bits_b[{largest_bits}];",
            f"static uint32_t window[{9 * max(-(-layer.channels // 32) for layer in layers)}];",
            f"static int32_t sums[{features}];\n",
            "const insitu_network insitu_exported_network = {",
            f"    {network.size}, {channels}, {outputs}, {features}, {latent_side}, {words},",
            f"    {network.stem_after.shift}, {len(network.layers)}, stem_weight, stem_multiplier, stem_bias,",
            f"    stem_threshold, layers, layers + {len(network.layers)}, scale, signs, flipped,",
            "    {map_a, map_b}, {bits_a, bits_b}, window, patch, sums};\n",
        ]
    )


def _layer_constants(number: int, layer: IntegerLayer) -> str:
    after: Affine = layer.after
    parts: dict[str, NDArray[Any]] = {
        "weight": words32(layer.weight.words, layer.channels),
        "multiplier": after.multiplier.astype(np.int32),
        "bias": after.bias.astype(np.int32),
        "slope": layer.slope.astype(np.int16),
        "lift": layer.lift.astype(np.int16),
        "threshold": layer.threshold.astype(np.int16),
    }
    return "\n".join(constants(f"{name}_{number}", values) for name, values in parts.items())


def _layer_record(number: int, layer: IntegerLayer) -> str:
    names = ", ".join(f"{name}_{number}" for name in ("weight", "multiplier", "bias", "slope", "lift", "threshold"))
    numbers = layer.channels, layer.weight.out, layer.stride, layer.after.shift, int(layer.rectify)
    return f"    {{{', '.join(map(str, numbers))}, {names}}},"
