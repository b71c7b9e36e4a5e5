"""Meta-trained weights of 4 bits for Omniglot, 5 ways of 5 shots: those of 32 bits, rounded at random from then on."""

from __future__ import annotations

from dataclasses import replace

from insitu.training import ortner2025_omniglot

BASE = ortner2025_omniglot.JOB
JOB = replace(BASE, recipe=replace(BASE.recipe, iterations=2500, bits=4), start="ortner2025_omniglot")
