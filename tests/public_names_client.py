"""Code of a user, in strict types: checked with the source by ``make check``, and against the wheel by ``.ci/run``."""

from __future__ import annotations

from dataclasses import replace
from typing import assert_type

import numpy as np
from torch import nn

import insitu
from insitu import Crossbar, Digital, Memory, PcmHermes2022, at, place, run


def remember() -> list[str]:
    memory = Memory("digital", dim=16)
    memory.partial_fit(np.eye(3), ["a", "b", "c"])
    return [str(label) for label in memory.predict(np.eye(3))]


def hold(network: nn.Module) -> nn.Module:
    crossbar = Crossbar(PcmHermes2022(), pairs=1)
    placed = place(network, crossbar, 0.0, insitu.core.generator(0, "write"))
    at(placed, 60.0)
    return placed


def compose() -> insitu.ExplicitMemory:
    return replace(insitu.ExplicitMemory(Digital()), support="program")


assert_type(insitu.__version__, str)
assert_type(insitu.FewShotSessions("omniglot"), insitu.scenarios.few_shot_sessions.FewShotSessions)
loop = run.rows
misspelt = [lambda: insitu.Membory]  # type: ignore[attr-defined] # unknown to type checkers, and an error when called
