"""Movements of a robot arm: each is demonstrated once, and then reproduced from a clock alone.

Ortner, Petschenig et al., Nat. Commun. 16 (2025): random smooth movements of two joints of the ED-Scorbot, 250 steps of
.01 s each, figures that the hand draws, or one movement of your own. Random movements that meet the limit of a joint
cannot be reproduced exactly; they are left out, or, with ``unreachable``, mixed with the others, where
``kinematics.reachable`` marks them.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import ClassVar, Literal

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from insitu.backbones import trained, weights_file
from insitu.core import InsituError, generator
from insitu.metrics import Row
from insitu.protocols import Examples, Protocol, Session, trajectories
from insitu.protocols.trajectories import ArmBase
from insitu.scenarios import Scenario
from insitu.scenarios.robot_arm import errors, figures, kinematics, mujoco_arm, own_trajectory, wiener

CALIBRATION = 8  # movements that ranges of converters and weights are fitted to
MOST_STEPS = 500  # of a movement: of that length, 8 % stay within reach
CHUNK = 100  # movements drawn together; always as many, so that more tasks begin with those of fewer


@dataclass(frozen=True)
class ArmTrajectories(Scenario[ArmBase]):
    """Movements demonstrated once, many in a batch; each is learned from the meta-trained weights."""

    protocol: ClassVar[Protocol] = trajectories.PROTOCOL

    steps: int = 250  # number of steps of a movement, of .01 s each
    tasks: int = 200  # number of reachable movements
    batch_size: int = 50  # number of movements that are learned together, in one session
    # kind of movements: random ones as published, or figures that the hand draws, in random size and direction
    movement: Literal["random", "circle", "line", "eight"] = "random"
    amplitude: float = 1.0  # factor on velocities, up to 1; smaller movements are easier and meet fewer limits
    unreachable: bool = False  # whether movements that meet a joint's limit are demonstrated, too
    file: Path | None = None  # CSV file of a movement of your own, to be demonstrated instead
    resample: bool = False  # whether a movement of your own is resampled to the number of steps
    backbone: str = "ortner2025_arm"  # name of the meta-trained weights
    wait_s: float = 60.0  # time from writing the weights to the first session, and between sessions, in seconds
    # time for which a simulated arm holds each command, in seconds (needs MuJoCo); 0: joints follow commands exactly
    hold_s: float = 0.0

    def __post_init__(self) -> None:
        if not 2 <= self.steps <= MOST_STEPS:
            raise InsituError(f"steps are 2 to {MOST_STEPS}; got {self.steps}")
        for name in ("tasks", "batch_size"):
            if getattr(self, name) < 1:
                raise InsituError(f"{name} is at least 1; got {getattr(self, name)}")
        if not 0 < self.amplitude <= 1:
            raise InsituError(f"amplitude is above 0 and at most 1, the published velocities; got {self.amplitude}")
        if self.movement != "random" and (self.amplitude != 1 or self.unreachable):
            raise InsituError(
                f"amplitude and unreachable are of random movements, not of a {self.movement}; leave them out"
            )
        if self.hold_s and not kinematics.STEP_S <= self.hold_s <= 1:
            raise InsituError(
                f"hold_s is 0 (no simulated arm), or {kinematics.STEP_S} (full speed) to 1 s; got {self.hold_s}"
            )
        if not 0 <= self.wait_s < float("inf"):
            raise InsituError(f"wait_s is 0 or more seconds, since time runs forward; got {self.wait_s}")

    def check(self, data: str) -> None:
        """See ``Scenario.check``."""
        super().check(data)
        trained.check(self.backbone, "movements")
        if self.hold_s:
            mujoco_arm.require()

    def base(self, data: str) -> ArmBase:
        """Return the meta-trained weights, and movements for calibration that are never tested."""
        network, card, _ = weights_file.load(trained.stem(self.backbone))
        card |= {"record": asdict(network.record)}
        omega = self._drawn(CALIBRATION, False, generator(0, "calibration movements"))
        return ArmBase(network.state_dict(), card, _demonstration(omega), kinematics.FASTEST, kinematics.STEP_S)

    def sessions(self, data: str, seed: int) -> Iterator[Session]:
        """Yield session 0, in which the first movements are queried and nothing is learned, then the demonstrations."""
        if self.file is not None:
            omega = own_trajectory.read(self.file, self.steps, self.resample)[None]
        elif self.movement != "random":
            omega = figures.velocities(self.movement, self.tasks, self.steps, generator(seed, self.movement))
        else:
            omega = self._drawn(self.tasks, self.unreachable, generator(seed, "movements"))
        for number, start in enumerate(range(0, len(omega), self.batch_size), 1):
            train = _demonstration(omega[start : start + self.batch_size])
            test = Examples(train.x[:, :, :0], train.labels)
            if number == 1:
                yield Session(0, 0.0, None, test)
            yield Session(number, number * self.wait_s, train, test)

    def describe(self, data: str) -> str:
        """See ``Scenario.describe``."""
        if self.file is not None:
            return f"a movement of your own ({Path(self.file).name}), {self.steps} steps"
        if self.movement != "random":
            return f"synthetic: {self.tasks} drawn movements ({self.movement}s of random size), {self.steps} steps"
        others = " and unreachable ones among them" if self.unreachable else ""
        smaller = f", {self.amplitude:g} times the published velocities" if self.amplitude < 1 else ""
        return f"synthetic: {self.tasks} random movements within reach{others}, {self.steps} steps{smaller}"

    def drawn(self, data: str) -> str:
        """See ``Scenario.drawn``: movements, unless there is a file."""
        return "" if self.file is not None else "sets of movements"

    def score(self, sessions: Sequence[Session], answers: Sequence[Tensor]) -> Row:
        """Return ``tasks`` and the errors of ``errors.errors``, of all movements (n, steps, 2) of all sessions."""
        omega = torch.cat(list(answers)).numpy()
        target = torch.cat([session.test.labels for session in sessions]).numpy()
        made = None
        if self.hold_s:
            made = np.stack([mujoco_arm.execute(each, self.hold_s).positions for each in omega])
        return {"tasks": len(omega), **errors.errors(omega, target, made)}

    def _drawn(self, count: int, unreachable: bool, rng: np.random.Generator) -> NDArray[np.float32]:
        """Return the velocities of ``count`` reachable movements, with unreachable ones among them if wanted."""
        parts, found = [], 0
        while found < count:
            omega, _, reachable = wiener.trajectories(CHUNK, self.steps, rng, self.amplitude)
            # cut behind the one that completes the count, where there is one
            last = int(np.searchsorted(reachable.cumsum(), count - found)) + 1
            omega, reachable = omega[:last], reachable[:last]
            parts.append(omega if unreachable else omega[reachable])
            found += int(reachable.sum())
        return np.concatenate(parts)


def _demonstration(omega: NDArray[np.float32]) -> Examples:
    """Return the demonstration of velocities (n, steps, 2): x holds positions of the hand, labels the velocities."""
    positions = kinematics.path(omega.astype(np.float64)).astype(np.float32)
    return Examples(torch.from_numpy(positions), torch.from_numpy(omega))
