"""Parameters of a stored memory: NumPy scalars are numbers, and a user's own device must be passed again."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pytest
from points import answers, some

from insitu import Memory
from insitu.core import InsituError
from insitu.devices.ideal import Ideal
from insitu.memory.storage import maintenance
from insitu.substrates.crossbar import Crossbar
from insitu.substrates.digital import Digital


@dataclass(frozen=True)
class Mine(Ideal):
    """A device that a user defined in a file of their own."""

    factors: tuple[float, ...] = (1.0, 2.0)


@dataclass(frozen=True)
class Own(Digital):
    """A substrate that a user defined, which holds what another one does."""


@pytest.mark.parametrize("kind", [np.int64, np.int32, np.uint8, np.intp])
def test_a_number_of_numpy_is_a_number(path: Path, kind: type[np.integer]) -> None:
    given = {
        "dim": kind(16),
        "random_state": kind(3),
        "substrate": Crossbar(Ideal(g_max_us=np.float64(10)), tile=np.int64(64)),
    }
    with Memory.open(path, **given) as memory:
        memory.fit(*some([0, 1]))
        assert memory.random_state == 3
        assert np.array_equal(answers(memory), answers(Memory(**given).fit(*some([0, 1]))))
    for again in (given, {"dim": 16, "random_state": 3}, {}):
        with Memory.open(path, **again) as memory:
            assert type(memory.random_state) is type(memory.dim) is int
    assert maintenance.info(path)["parameters"]["random_state"] == 3


def test_names_and_times_of_numpy_are_names_and_times(path: Path) -> None:
    with Memory.open(path, substrate=np.str_("digital"), dim=16, who=np.str_("ann")) as memory:
        memory.fit(*some([0, 1])).age(np.float32(60)).age(np.int64(5)).forget(np.str_("class 0"))
    assert maintenance.verify(path) == 4
    assert maintenance.info(path)["now_s"] == 65.0


@pytest.mark.parametrize("substrate", [Crossbar(Mine(factors=(1.0, 3.0))), Own()], ids=["device", "substrate"])
def test_a_record_of_ones_own_is_given_again(path: Path, substrate: Crossbar | Own) -> None:
    with Memory.open(path, substrate=substrate, dim=16) as memory:
        memory.fit(*some([0, 1]))
        before = answers(memory)
    name = "Own" if isinstance(substrate, Own) else "Mine"
    for act in (lambda: Memory.open(path), lambda: maintenance.verify(path), lambda: Memory.open(path, readonly=True)):
        with pytest.raises(InsituError, match=f"created with {name}, which is not part of insitu"):
            act()
    for other in (Crossbar(Mine()), "digital", Crossbar(Ideal())):
        with pytest.raises(InsituError, match="created with another substrate"):
            Memory.open(path, substrate=other)
    with Memory.open(path, substrate=substrate) as memory:
        assert np.array_equal(answers(memory), before)
        memory.partial_fit(*some([2]))
        assert memory._store is not None
        assert memory._store.verify() == 2


def test_what_is_no_number_is_refused_in_one_line(path: Path) -> None:
    for wrong in ({"random_state": 1.5}, {"random_state": np.random.RandomState(0)}, {"dim": np.float64(16)}):
        with pytest.raises(InsituError):
            Memory.open(path, **wrong)
    assert not list(path.parent.iterdir())
