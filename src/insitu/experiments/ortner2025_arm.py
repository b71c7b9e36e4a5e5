"""A robot arm that is shown a movement once and then makes it: one update of a spiking network in phase-change memory.

Ortner, Petschenig et al., Nat. Commun. 16 (2025): the network runs from a clock, a second one that sees the movement
tells it how to change, once; in software, with updates of 1/16 of the weights' range, and on devices. Their figures are
of four movements; ours are medians over 200 new ones within the joints' limits. Beside them: weights that had drifted
before the showing (the ages) and since (*a day later*), and the velocities executed by an arm with mass under gravity,
at full speed and with every command held for .25 s, as on their robot.
"""

from __future__ import annotations

from dataclasses import replace
from importlib.util import find_spec

from insitu import metrics
from insitu.devices.pcm_hermes2022 import PcmHermes2022
from insitu.experiments import Arm, Claim, Experiment
from insitu.learners.eprop import Eprop
from insitu.scenarios.arm_trajectories import ArmTrajectories
from insitu.substrates.crossbar import Crossbar
from insitu.substrates.digital import Digital

FRESH_S, DAY_S = 60.0, 86400.0
SLOW_S = 0.25  # a command, on the robot
PCM = Eprop(Crossbar(PcmHermes2022(), pairs=1, compensation="column"))
ROUNDED, LATER = "software, rounded", "PCM, a day later"
FAST, SLOW = "PCM, heavy arm", "PCM, heavy arm, slowly"
BODY = find_spec("mujoco") is not None
HEAVY = (
    Arm(FAST, PCM, (("hold_s", 0.01), ("tasks", 50))),
    Arm(SLOW, PCM, (("hold_s", SLOW_S), ("tasks", 10))),
)


def _after(arm: str, name: str, words: str, published: str, at_most: float | None, unit: str, where: str = "") -> Claim:
    measure = metrics.at_session(arm, name, 1, FRESH_S)
    return Claim(words, published, measure, at_most=at_most, unit=unit, where=where)


EXPERIMENT = Experiment(
    paper="Ortner, Petschenig et al., Nat. Commun. 16 (2025), arXiv 2405.05141",
    scenario=ArmTrajectories(wait_s=0.0),
    learner=PCM,
    baseline=Eprop(Digital(), grid=0),
    names=("software", "PCM"),
    others=(Arm(ROUNDED, Eprop(Digital())), Arm(LATER, PCM, later_s=DAY_S), *(HEAVY if BODY else ())),
    seeds=2,
    ages_s=(FRESH_S, DAY_S),
    verified="" if BODY else "the simulated arm, since MuJoCo is not installed: pip install 'insitu[arm]'",
    claims=(
        _after("float", "omega_base", "base after one showing, software", ".038", 0.10, "rad/s", "4 movements"),
        _after("float", "omega_shoulder", "shoulder after one showing, software", ".036", 0.10, "rad/s", "4 movements"),
        _after("device", "omega_base", "base after one showing, PCM", ".127", 0.15, "rad/s", "chip, 4 movements"),
        _after("device", "omega_shoulder", "shoulder after one showing, PCM", ".067", 0.15, "rad/s",
               "chip, 4 movements"),
        _after("float", "hand_median", "hand, software", "2.21", 6.0, "cm", "4 movements"),
        _after("device", "hand_median", "hand, PCM", "6.69", 10.0, "cm", "chip, 4 movements"),
        _after(SLOW, "hand_median", "hand, PCM, arm with mass at the robot's speed", "7.82", 10.0, "cm", "robot"),
        _after(FAST, "hand_median", "hand, PCM, arm with mass at full speed", "not published", 10.0, "cm"),
        _after(ROUNDED, "omega_base", "base, software with updates rounded to 1/16", ".146", None, "rad/s",
               "the authors' weights, own measurement"),
        _after(ROUNDED, "omega_shoulder", "shoulder, software with updates rounded to 1/16", ".152", None, "rad/s",
               "the authors' weights, own measurement"),
        _after("device", "changed", "weights that one update changes, PCM", "4 to 5", None, "%",
               "the authors' weights, own measurement"),
        _after("device", "trainee_hz", "firing rate of the network, PCM", "20", None, "Hz", "aimed at in training"),
        _after("device", "teacher_hz", "firing rate of the generator", "10", None, "Hz", "aimed at in training"),
        _after(LATER, "hand_median", "hand, PCM, a day after learning", "not published", None, "cm"),
    ),
)  # fmt: skip

QUICK = replace(EXPERIMENT, scenario=ArmTrajectories(tasks=20, wait_s=0.0), seeds=1, ages_s=(FRESH_S,))
