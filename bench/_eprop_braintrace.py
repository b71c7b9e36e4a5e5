"""braintrace's side of the e-prop benchmark: the increments of one demonstration, compiled by JAX. Holds no PyTorch.

Neurons as those of ours without refractory steps: an exponential leak, a soft reset, a triangle as the surrogate. The
learning signals are given, so the loss of a step is their product with the spikes. Of braintrace's algorithms e-prop
keeps a trace for every weight, and ``pp_prop`` one for every neuron, as ours does; the faster one takes part.
"""

from __future__ import annotations

import math
import platform
from functools import cache, partial
from importlib.metadata import version
from typing import Any

import brainstate
import braintrace
import jax
import jax.numpy as jnp
import numpy as np

from _eprop_task import STEPS, given
from rounds import serve

GIVEN = given()
DECAY, THRESHOLD, DAMPENING = math.exp(-1 / 20), 0.6, 0.3
TICKS, SIZE = GIVEN["bits"][:, 0, :5], GIVEN["trainee.w_rec"].shape[0]


@jax.custom_jvp
def spike(membrane: jax.Array) -> jax.Array:
    return (membrane > THRESHOLD).astype(membrane.dtype)


@spike.defjvp
def _slope(primals: Any, tangents: Any) -> Any:
    beyond = jnp.abs(primals[0] - THRESHOLD) / THRESHOLD
    return spike(primals[0]), tangents[0] * DAMPENING * jnp.maximum(1 - beyond, 0) / THRESHOLD


class Trainee(brainstate.nn.Module):
    """Leaky neurons with one matrix for inputs and recurrence."""

    def __init__(self) -> None:
        super().__init__()
        weights = np.concatenate([GIVEN["trainee.w_in"], GIVEN["trainee.w_rec"] * (1 - np.eye(SIZE, dtype=np.float32))])
        self.reached = braintrace.nn.Linear(len(weights), SIZE, w_init=jnp.asarray(weights), b_init=None)

    def init_state(self, batch_size: int | None = None, **_: Any) -> None:
        self.membrane = brainstate.HiddenState(jnp.zeros((SIZE,) if batch_size is None else (batch_size, SIZE)))

    def update(self, x: jax.Array) -> jax.Array:
        fired = spike(self.membrane.value)
        driven = self.reached(jnp.concatenate([x, fired], -1))
        self.membrane.value = DECAY * self.membrane.value - THRESHOLD * jax.lax.stop_gradient(fired) + driven
        return spike(self.membrane.value)


@cache
def compiled(algorithm: str, movements: int) -> Any:
    options: dict[str, Any] = {"decay_or_rank": DECAY} if algorithm == "pp_prop" else {}
    ticks = jnp.broadcast_to(TICKS[:, None], (STEPS, movements, TICKS.shape[1]))
    drawn = np.random.default_rng(0).standard_normal((STEPS, movements, SIZE)).astype(np.float32)
    learner = braintrace.compile(Trainee(), algorithm, ticks[0], batch_size=movements, **options)

    @brainstate.transform.jit
    def gradient(signals: jax.Array) -> Any:
        brainstate.nn.init_all_states(learner, batch_size=movements)
        return learner.etrace_grad(ticks, signals, step_fn=lambda x, signal: jnp.sum(learner(x) * signal))

    return gradient, jnp.asarray(drawn)


def update(algorithm: str, movements: int) -> float:
    """Return the norm of the gradient, so that it has been computed."""
    gradient, signals = compiled(algorithm, movements)
    leaves = jax.tree.leaves(gradient(signals))
    return float(sum(jnp.sum(leaf**2) for leaf in leaves))


if __name__ == "__main__":
    facts = {name: version(name) for name in ("braintrace", "jax")} | {"python": platform.python_version()}
    algorithms, sizes = ("eprop", "pp_prop"), (1, 32)
    serve({f"{a} update/{n}": partial(update, a, n) for a in algorithms for n in sizes}, facts)
