"""Meta-trained weights for Omniglot, 5 ways of 1 shot: those of 5 shots, trained on with a single one."""

from __future__ import annotations

from dataclasses import replace

from insitu.training import ortner2025_omniglot

BASE = ortner2025_omniglot.JOB
JOB = replace(BASE, recipe=replace(BASE.recipe, iterations=2500, shots=1), start="ortner2025_omniglot", shipped=0)
