"""Meta-trained weights for Omniglot, 5 ways of 5 shots, that have seen noise: those of 32 bits, trained on with it."""

from __future__ import annotations

from dataclasses import replace

from insitu.training import ortner2025_omniglot

BASE = ortner2025_omniglot.JOB
JOB = replace(
    BASE,
    recipe=replace(BASE.recipe, iterations=1500, noise=0.04),
    start="ortner2025_omniglot",
    shipped=0,
)
