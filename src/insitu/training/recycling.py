"""Neurons of the learning-signal generator that have fallen silent start again as copies of others.

Far below its threshold a neuron has no gradient, so that it stays silent: 28 % of the generator of version 0.1 did. As
for dormant neurons of other networks (Sokar et al., 2023, arXiv 2302.12902), such a neuron gets new weights that lead
to it, here those of a neuron of its kind that fires, with normal noise on the recurrent ones; weights that lead away
from it become zero, so that the signals stay what they are until training changes them.
"""

from __future__ import annotations

from collections.abc import Iterable

import numpy as np
import torch
from torch import Tensor

from insitu.backbones.spiking import Spiking
from insitu.training.eprop_phases import pair

NOISE = 0.05  # standard deviation on recurrent weights of a copy, which parts its spikes from those of the other neuron


@torch.no_grad()
def recycle(
    record: Spiking, weights: dict[str, Tensor], others: Iterable[dict[str, Tensor]], position: Tensor,
    rng: np.random.Generator,
) -> int:  # fmt: skip
    """Start again the neurons that no movement makes fire, in ``weights`` and in ``others``; return how many."""
    fires = record.signals(pair(weights)[1], position).counts.sum(0).numpy() > 0
    adaptive = np.arange(record.signal_generator) >= record.signal_generator - record.adaptive
    silent, origin = np.flatnonzero(~fires), np.arange(record.signal_generator)
    for kind in (adaptive, ~adaptive):
        if (fires & kind).any():
            origin[kind & ~fires] = rng.choice(np.flatnonzero(fires & kind), int((kind & ~fires).sum()))
    noise = NOISE * torch.from_numpy(rng.standard_normal((record.signal_generator, len(silent)), np.float32))
    for each in (weights, *others):
        w_in, w_rec, w_out = pair(each)[1]
        w_in[:, silent] = w_in[:, origin[silent]]
        w_rec[:, silent] = w_rec[:, origin[silent]] + noise
        w_rec[silent] = w_out[silent] = 0
    return len(silent)
