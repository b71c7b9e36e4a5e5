"""Columns whose current reaches no converter: a broken wire or a dead converter, so that their output is always 0.

Each column is lost with the probability ``lost_columns``, for good. It stays in the array, is written and costs what
others cost: nothing tells a learner, unless its calibration does. Own choice: a lost column is held as one whose cells
are all stuck at 0 µS, of both signs. Neither CrossSim nor aihwkit has it as a parameter.
"""

from __future__ import annotations

import numpy as np

from insitu.devices import Array


def lost(stuck_us: Array, share: float, rng: np.random.Generator) -> Array:
    """Return the stuck cells (2, devices, in, out) with those of lost columns among them."""
    out = stuck_us.copy()
    out[..., rng.random(stuck_us.shape[-1]) < share] = 0
    return out
