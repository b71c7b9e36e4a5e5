"""The inner loop over all layers of a network, every task with weights of its own, all tasks in one mapped pass.

MAML (Finn et al., ICML 2017). The gradient of a gradient is exact where ``second_order`` is set; else an outer gradient
sees the inner slopes as constants. ``parameters`` are those of the network by name, and ``HEAD`` (ways, features).
"""

from __future__ import annotations

import torch.nn.functional as F
from torch import Tensor
from torch.func import functional_call, grad, vmap

from insitu.backbones.conv4 import Conv4Module
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

    def loss(weights: Parameters, images: Tensor, labels: Tensor) -> Tensor:
        return F.cross_entropy(_features(network, weights, images) @ weights[HEAD].T, labels)

    slopes = vmap(grad(loss))
    out = [{name: value.expand(len(images), *value.shape) for name, value in parameters.items()}]
    for step in range(1, steps + 1):
        change = slopes(out[-1], images, labels)
        for value in change.values():
            check_finite(value, step, rate)
        out.append(
            {name: w - rate * (change[name] if second_order else change[name].detach()) for name, w in out[-1].items()}
        )
    return out


def scores(network: Conv4Module, parameters: Parameters, support: Tensor, queries: Tensor) -> Tensor:
    """Return the logits (tasks, queries, ways) of queries under the weights (tasks, ...) of each task."""

    def of_task(weights: Parameters, support: Tensor, queries: Tensor) -> Tensor:
        known = support if network.record.statistics == "support" else None
        return _features(network, weights, queries, known) @ weights[HEAD].T

    return vmap(of_task)(parameters, support, queries)


def _features(network: Conv4Module, weights: Parameters, images: Tensor, support: Tensor | None = None) -> Tensor:
    """Return features (n, features) of one task's images, centred by themselves or as its support is."""
    layers = {name: value for name, value in weights.items() if name != HEAD}
    given = None
    if support is not None:
        given = functional_call(network, layers, (support[None],))[1]
    features: Tensor = functional_call(network, layers, (images[None], given))[0][0]
    return features


def parameters_of(network: Conv4Module, head: Tensor) -> Parameters:
    """Return the weights of a network and its head by name."""
    return {**dict(network.named_parameters()), HEAD: head}
