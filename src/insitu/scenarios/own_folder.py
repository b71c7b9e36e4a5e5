"""Your own photos, sounds or numbers, a folder per class: how well a memory tells them apart after 1, 2, 3 ... shots.

Every seed draws which examples of a class are learned, shot by shot, and which are tested: all others, the same ones
after every shot. A class with fewer than ``shots`` + 1 examples gives all but one to learn. Where ``classes`` are
fewer than there are, or ``left_out`` is above 0, examples of classes that are not learned are tested as unknown things.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from functools import lru_cache
from pathlib import Path
from typing import ClassVar, NamedTuple

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from insitu.core import InsituError, generator
from insitu.data.files import labelled_folder
from insitu.encoders import Encoder, own_items
from insitu.encoders.efficientnet_lite0 import EfficientnetLite0
from insitu.metrics import Row
from insitu.protocols import Examples, Protocol, Session, shot_by_shot
from insitu.protocols.few_shot_sessions import FewShotBase
from insitu.scenarios import Scenario

PROBES = 64  # random vectors that prepare learners which need a base
ANSWERS = "answers"  # of a row: the answers to the tests of learned classes after the last shot, as class numbers
NEEDED = "give a folder with a sub-folder of examples per class: --scenario.path FOLDER"


class OwnItems(NamedTuple):
    """The examples of a folder."""

    names: tuple[str, ...]  # of the classes
    labels: NDArray[np.int64]  # (n,) class of each example
    files: tuple[str, ...]  # of each example
    vectors: Tensor  # (n, dim) float32
    note: str


@dataclass(frozen=True)
class OwnFolder(Scenario[FewShotBase]):
    """Classes of a folder of your own, learned shot by shot by a memory that starts empty."""

    protocol: ClassVar[Protocol] = shot_by_shot.PROTOCOL

    path: Path | None = None  # folder with one sub-folder of photos, sounds or files of numbers per class
    encoder: Encoder | None = field(default_factory=EfficientnetLite0)  # turns items into vectors; none for vectors
    shots: int = 5  # number of examples per class to learn, one after the other; at most all but one
    classes: int | None = None  # number of classes that each seed draws; none: all that there are
    left_out: float = 0.0  # share of these classes that is not learned, but tested as unknown things
    tests: int = 30  # largest number of tests per class
    spacing_s: float = 60.0  # time from one shot to the next, in seconds

    def __post_init__(self) -> None:
        for name, least in (("shots", 1), ("tests", 1), ("classes", 2)):
            value = getattr(self, name)
            if value is not None and value < least:
                raise InsituError(f"{name} is at least {least}; got {value}")
        if not 0 <= self.left_out < 1:
            raise InsituError(f"left_out is a share from 0 to less than 1; got {self.left_out}")
        if not 0 < self.spacing_s < float("inf"):
            raise InsituError(f"spacing_s is above 0 seconds, since time runs forward; got {self.spacing_s}")

    def check(self, data: str) -> None:
        """See ``Scenario.check``."""
        super().check(data)
        if self.path is None or not self.path.is_dir():
            raise InsituError(f"{NEEDED}; got {self.path or 'none'}")
        self.items()  # raises where the package of the encoder is missing, or the folder gives no classes

    def items(self) -> OwnItems:
        """Return the examples, which are encoded when they are first needed."""
        return load(self.path, self.encoder)

    def base(self, data: str) -> FewShotBase:
        """Return random vectors of as many classes, for learners that are prepared with some; none is known."""
        features = self.items().vectors.shape[1]
        draw = generator(0, "base of an own folder", features).standard_normal((PROBES, features), dtype=np.float32)
        x = torch.from_numpy(draw)
        return FewShotBase(
            x, Examples(x, torch.arange(PROBES)), torch.eye(features), torch.zeros(features), known=False
        )

    def sessions(self, data: str, seed: int) -> Iterator[Session]:
        """Yield a session per shot: the next example of each class that has one left, and all tests."""
        own = self.items()
        drawn = self.drawn_rows(seed)
        tested = torch.from_numpy(np.concatenate([drawn.tests, drawn.strangers]))
        labels = torch.tensor([*drawn.numbers(own.labels[drawn.tests]), *[shot_by_shot.UNKNOWN] * len(drawn.strangers)])
        test = Examples(own.vectors[tested], labels)
        for number, rows in enumerate(drawn.shots, 1):
            train = Examples(own.vectors[torch.from_numpy(rows)], torch.tensor(drawn.numbers(own.labels[rows])))
            yield Session(number, number * self.spacing_s, train, test)

    def drawn_rows(self, seed: int) -> Drawn:
        """Return which examples a seed learns, shot by shot, and which it tests."""
        own = self.items()
        draw = generator(seed, "own folder")
        count = len(own.names)
        if self.classes is not None and self.classes > count:
            raise InsituError(f"classes is at most {count}, as {self.path} has no more; got {self.classes}")
        order = draw.permutation(count)
        taken = order[: self.classes]
        unknown = min(max(round(self.left_out * len(taken)), 1), len(taken) - 2) if self.left_out else 0
        learned = np.sort(taken[unknown:] if unknown > 0 else taken)
        shots: list[list[int]] = [[] for _ in range(self.shots)]
        tests, strangers = list[int](), list[int]()
        for label in range(count):
            rows = draw.permutation(np.flatnonzero(own.labels == label))
            if label not in learned:
                strangers += rows[: self.tests].tolist()
                continue
            several = min(self.shots, len(rows) - 1)
            for number, row in enumerate(rows[:several].tolist()):
                shots[number].append(row)
            tests += rows[several : several + self.tests].tolist()
        # as many unknown things as tests: more would only take time
        strangers = draw.permutation(strangers)[: max(len(tests), 1)].tolist()
        rounds = tuple(np.array(rows, np.int64) for rows in shots if rows)
        return Drawn(learned, rounds, np.array(tests, np.int64), np.array(strangers, np.int64))

    def score(self, sessions: Sequence[Session], answers: Sequence[Tensor]) -> Row:
        """See ``Scenario.score``: with the answers themselves after the last shot."""
        row = super().score(sessions, answers)
        if sessions[0].number == self._rounds():
            learned = sessions[0].test.labels != shot_by_shot.UNKNOWN
            row[ANSWERS] = " ".join(map(str, answers[0][learned].tolist()))
        return row

    def _rounds(self) -> int:
        return min(self.shots, int(np.bincount(self.items().labels).max()) - 1)

    def describe(self, data: str) -> str:
        """See ``Scenario.describe``."""
        drawn = self.drawn_rows(0)
        some = f"{len(drawn.learned)} of them drawn and learned" if self.classes or self.left_out else "all learned"
        unknown = f", the others tested as unknown things ({len(drawn.strangers)})" if len(drawn.strangers) else ""
        shots = (
            f"{len(drawn.shots)} shots each" if len(drawn.shots) == self.shots else f"{len(drawn.shots)} shots at most"
        )
        return f"{self.items().note}; {some}{unknown}, {shots}, {len(drawn.tests)} tests"

    def drawn(self, data: str) -> str:
        """See ``Scenario.drawn``."""
        return "draws"


class Drawn(NamedTuple):
    """What a seed draws: rows of examples."""

    learned: NDArray[np.int64]  # classes, ascending
    shots: tuple[NDArray[np.int64], ...]  # rows that are learned, shot by shot
    tests: NDArray[np.int64]
    strangers: NDArray[np.int64]  # rows of classes that are not learned

    def numbers(self, labels: NDArray[np.int64]) -> list[int]:
        """Return the numbers of classes among those learned."""
        found: list[int] = np.searchsorted(self.learned, labels).tolist()
        return found


@lru_cache(maxsize=4)
def load(path: Path | None, encoder: Encoder | None) -> OwnItems:
    """Return the examples of a folder; raise ``InsituError`` where no two classes have two that can be used."""
    if path is None:
        raise InsituError(NEEDED)
    found = labelled_folder.read(path, "vectors" if encoder is None else encoder.kind)
    files = [(name, file) for name, own in found.classes.items() for file in own]
    items, failed = own_items.read([file for _, file in files], "vectors" if encoder is None else encoder.kind)
    flat = [(name, item) for (name, _), own in zip(files, items, strict=True) for item in own]
    vectors, places, more = own_items.encode([item for _, item in flat], encoder)
    flat = [flat[place] for place in places]
    counts = {name: sum(each == name for each, _ in flat) for name in found.classes}
    names = tuple(name for name, count in counts.items() if count > 1)
    kept = [row for row, (name, _) in enumerate(flat) if name in names]
    failed = [*failed, *more]
    if len(names) < 2:
        first = f"; {len(failed)} cannot be used, the first {failed[0].name}: {failed[0].error}" if failed else ""
        raise InsituError(f"{path} has {len(names)} classes with two examples; two are needed{first}")
    notes = [f"{len(kept)} items of {len(names)} classes in {path.name}"]
    notes += [f"left out {len(failed)} that cannot be used"] * bool(failed)
    notes += [f"left out {len(counts) - len(names)} classes with fewer than 2 items"] * (len(names) < len(counts))
    notes.append("vectors as they are" if encoder is None else f"encoded by {encoder.name} ({encoder.digest()})")
    if encoder is not None and encoder.trained_on:
        notes[-1] += f", trained on {encoder.trained_on}"
    return OwnItems(
        names,
        np.array([names.index(flat[row][0]) for row in kept], np.int64),
        tuple(flat[row][1].name for row in kept),
        torch.from_numpy(vectors[kept]).float(),
        ", ".join(notes),
    )
