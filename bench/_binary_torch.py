"""The rival's side of the binary convolution benchmark: the same layers in PyTorch on floats of +1 and -1."""

from __future__ import annotations

import platform
from functools import partial
from typing import Any

from _binary_shapes import CASES, free_threads, name, repeats

free_threads()

import torch  # noqa: E402 # reads its limit of threads when it is imported
from torch.nn import functional  # noqa: E402

from rounds import serve  # noqa: E402

KINDS = {
    "contiguous": (torch.contiguous_format, torch.float32),
    "channels_last": (torch.channels_last, torch.float32),
    "bfloat16": (torch.channels_last, torch.bfloat16),
}
torch.manual_seed(0)


def tasks_of(layer: tuple[int, int], batch: int, threads: int) -> dict[str, Any]:
    side, channels = layer
    maps = torch.randn(batch, channels, side, side).sign()
    weights = torch.randn(channels, channels, 3, 3).sign()
    residual = torch.randn(maps.shape)
    knee, slope, lift = torch.randn(3, channels, 1, 1)

    def repeated(task: Any) -> None:
        torch.set_num_threads(threads)
        with torch.inference_mode():
            for _ in range(repeats(batch)):
                task()

    def block(layout: torch.memory_format) -> Any:
        norm = torch.nn.BatchNorm2d(channels).eval()
        convolution = torch.nn.Conv2d(channels, channels, 3, padding=1, bias=False).eval()
        # as a deployed network: batch norm is folded into the convolution beforehand
        fused = torch.nn.utils.fusion.fuse_conv_bn_eval(convolution, norm).to(memory_format=layout)
        x, added = (a.contiguous(memory_format=layout) for a in (maps, residual))
        bend = slope.flatten()

        def run() -> torch.Tensor:
            y = functional.prelu(fused(x).add_(added).sub_(knee), bend).add_(lift)
            return torch.sign(y)

        return run

    tasks = {}
    for kind, (layout, dtype) in KINDS.items():
        x, weight = (a.to(dtype).contiguous(memory_format=layout) for a in (maps, weights))
        task = partial(functional.conv2d, x, weight, padding=1)
        tasks[name(kind, layer, batch, threads)] = partial(repeated, task)
    for kind in ("contiguous", "channels_last"):
        tasks[name(f"block {kind}", layer, batch, threads)] = partial(repeated, block(KINDS[kind][0]))
    return tasks


if __name__ == "__main__":
    tasks: dict[str, Any] = {}
    for case in CASES:
        tasks |= tasks_of(*case)
    facts = {"torch": torch.__version__, "python": platform.python_version()}
    serve(tasks, facts | {"onednn": str(torch.backends.mkldnn.is_available())})
