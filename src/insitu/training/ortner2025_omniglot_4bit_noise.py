"""Meta-trained weights of 4 bits for Omniglot, 5 ways of 5 shots, that have seen noise on top of the rounding."""

from __future__ import annotations

from dataclasses import replace

from insitu.training import ortner2025_omniglot_4bit

BASE = ortner2025_omniglot_4bit.JOB
JOB = replace(
    BASE,
    recipe=replace(BASE.recipe, iterations=1000, noise=0.04),
    start="ortner2025_omniglot_4bit",
    shipped=0,
)
