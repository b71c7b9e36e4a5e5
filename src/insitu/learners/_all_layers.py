"""The inner loop over all layers of a network, every task with weights of its own, all tasks in one batch.

MAML (Finn et al., ICML 2017). The gradient of a gradient is exact where ``second_order`` is set; else an outer gradient
sees the inner slopes as constants. ``parameters`` are those of the network by name, and ``HEAD`` (ways, features). No
loop over tasks: what differs from the network's own ``forward`` is that weights have tasks as their first axis.
"""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor

from insitu.backbones.conv4 import Conv4Module
from insitu.backbones.task_convolution import convolved, windows
from insitu.backbones.task_norm import Statistics, normalised
from insitu.backbones.task_norm_double_backward import relu_norm
from insitu.learners._delta_rule import check_finite

HEAD = "head"
Parameters = dict[str, Tensor]


def adapted(
    network: Conv4Module,
    parameters: Parameters,
    images: Tensor,
    labels: Tensor,
    rate: float,
    steps: int,
    second_order: bool = True,
) -> list[Parameters]:
    """Return the weights (tasks, ...) after 0, 1 ... ``steps`` steps on images (tasks, n, c, h, w) and their labels."""
    outer = torch.is_grad_enabled() and any(value.requires_grad for value in parameters.values())
    weights = {name: value.expand(len(images), *value.shape) for name, value in parameters.items()}
    out = [weights]
    with torch.enable_grad():
        x, seen = _laid_out(images)
        for step in range(1, steps + 1):
            leaves = weights if outer else {name: value.detach().requires_grad_() for name, value in weights.items()}
            logits = _features(network, leaves, x, seen) @ leaves[HEAD].transpose(1, 2)
            # each task's mean, summed: no task's weights touch another's loss
            loss = F.cross_entropy(logits.flatten(0, 1), labels.flatten(), reduction="sum") / labels.shape[1]
            change = torch.autograd.grad(loss, list(leaves.values()), create_graph=outer and second_order)
            for value in change:
                check_finite(value, step, rate)
            weights = {name: w - rate * slope for (name, w), slope in zip(weights.items(), change, strict=True)}
            out.append(weights)
    return out if outer else [{name: value.detach() for name, value in each.items()} for each in out]


def scores(network: Conv4Module, parameters: Parameters, support: Tensor, queries: Tensor) -> Tensor:
    """Return the logits (tasks, queries, ways) of queries under the weights (tasks, ...) of each task."""
    given = None
    if network.record.statistics == "support":
        given = _statistics(network, parameters, *_laid_out(support))
    return _features(network, parameters, *_laid_out(queries), given) @ parameters[HEAD].transpose(1, 2)


def parameters_of(network: Conv4Module, head: Tensor) -> Parameters:
    """Return the weights of a network and its head by name."""
    return {**dict(network.named_parameters()), HEAD: head}


def _laid_out(images: Tensor) -> tuple[Tensor, Tensor]:
    """Return images (tasks, n, h, w, c) and their windows, which all steps share."""
    x = images.permute(0, 1, 3, 4, 2)
    return x, windows(x)


def _features(
    network: Conv4Module, weights: Parameters, x: Tensor, seen: Tensor | None, given: Statistics | None = None
) -> Tensor:
    """Return features (tasks, n, features), as ``Conv4Module.forward`` does for weights that all tasks share."""
    for layer in range(len(network.convs)):
        maps = _convolved(weights, layer, x, seen)
        seen = None
        y = relu_norm(maps.flatten(2, 3)) if given is None else normalised(maps.flatten(2, 3), given[layer])[0]
        x = y.view(maps.shape)
    return F.max_pool2d(x.flatten(0, 1).permute(0, 3, 1, 2), 2).reshape(*x.shape[:2], -1)


def _statistics(network: Conv4Module, weights: Parameters, x: Tensor, seen: Tensor | None) -> Statistics:
    """Return of every layer the mean and the inverse deviation of a task's images."""
    out: Statistics = []
    for layer in range(len(network.convs)):
        maps = _convolved(weights, layer, x, seen)
        seen = None
        y, mean, inverse = normalised(maps.flatten(2, 3))
        out.append((mean, inverse))
        x = y.view(maps.shape)
    return out


def _convolved(weights: Parameters, layer: int, x: Tensor, seen: Tensor | None) -> Tensor:
    # in the order of windows: (tasks, 3, 3, channels, filters)
    return convolved(x, weights[f"convs.{layer}.weight"].permute(0, 3, 4, 2, 1), seen)
