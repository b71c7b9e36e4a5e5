"""One side of ``binary_network.py``: the frozen network or its float twin, built from one seed, run on one batch."""

from __future__ import annotations

import platform
import warnings
from collections.abc import Callable
from functools import cache
from typing import Any

import numba
import numpy as np
import torch
from torch import Tensor, nn
from torch.nn.utils.fusion import fuse_conv_bn_eval

from binary_size import size
from insitu.backbones.binary.freezing import freeze
from insitu.backbones.binary_resnet import BinaryResnet
from insitu.core import generator
from rounds import serve

PIXELS = 32
IMAGES = 32  # to be encoded by one task in one batch; singly fewer
SINGLY = 8
Run = Callable[[Tensor], Tensor]


@cache
def images() -> Tensor:
    drawn = generator(0, "bench").uniform(-1, 1, (IMAGES, 3, PIXELS, PIXELS))
    return torch.from_numpy(drawn.astype(np.float32))


@cache
def frozen() -> Run:
    return freeze(BinaryResnet().build())


def plain() -> nn.Module:
    return BinaryResnet(binary=False).build().to(memory_format=torch.contiguous_format).eval().requires_grad_(False)


def folded() -> nn.Module:
    """Fold each batch norm into the convolution before it."""
    network: Any = plain()
    for unit in [*network.units, network.tail]:
        unit.conv, unit.norm = fuse_conv_bn_eval(unit.conv, unit.norm), nn.Identity()
    return network  # type: ignore[no-any-return]


@cache
def twin(variant: str, batch: int) -> Run:
    """Return the float twin as torch runs it: ``eager``, ``jit`` or ``compile``; parts of the name are choices."""
    parts = variant.split()
    network = folded() if "folded" in parts else plain()
    example = images()[:batch]
    if "last" in parts:
        network, example = (
            network.to(memory_format=torch.channels_last),
            example.contiguous(memory_format=torch.channels_last),
        )
    if "bf16" in parts:
        network, example = network.bfloat16(), example.bfloat16()
    if "jit" in parts:
        return torch.jit.optimize_for_inference(torch.jit.trace(network, example, check_trace=False).eval())
    if "compile" in parts:
        return torch.compile(network)
    return network


def encode(run: Run, batch: int, variant: str = "") -> None:
    parts = variant.split()
    with torch.inference_mode("jit" not in parts), torch.no_grad():
        for start in range(0, IMAGES if batch > 1 else SINGLY, batch):
            x = images()[start : start + batch]
            if "last" in parts:
                x = x.contiguous(memory_format=torch.channels_last)
            run(x.bfloat16() if "bf16" in parts else x)


def variants() -> list[str]:
    shapes = ["", " last", " folded", " folded last"]
    return ["eager" + s for s in shapes] + ["jit" + s for s in shapes[2:]] + ["compile" + s for s in shapes[:2]]


if __name__ == "__main__":
    warnings.simplefilter("ignore")
    torch.set_num_threads(numba.get_num_threads())
    tasks: dict[str, Callable[..., Any]] = {"size": lambda: vars(size(BinaryResnet().build()))}
    for batch in (1, 32):
        tasks[f"frozen/{batch}"] = lambda b=batch: encode(frozen(), b)
        for variant in [*variants(), "eager folded last bf16", "jit folded last bf16"]:
            tasks[f"{variant}/{batch}"] = lambda v=variant, b=batch: encode(twin(v, b), b, v)
    versions = {"python": platform.python_version(), "torch": torch.__version__, "numba": numba.__version__}
    serve(tasks, versions | {"threads": str(torch.get_num_threads())})
