"""A robot arm that learns a movement from one demonstration: one update of a spiking network in phase-change memory.

Ortner, Petschenig et al., Nat. Commun. 16 (2025): the network runs from a clock, and a second one, which sees the
movement, sends it learning signals for one update; in software, with updates of 1/16 of the weights' range, and on
devices. Their figures are of four movements; ours are medians over 200 new ones within the joints' limits. Further
variants: weights that had drifted before the demonstration (the ages) and since (*a day later*); movements unlike those
of meta-training, which draw circles, lines and eights; and velocities that are executed by an arm with mass under
gravity, at full speed and with commands held for .25 s, as on their robot.

Targets are own ones: in software what the authors' weights reach on such movements, and about as much on devices as
rounding costs.
"""

from __future__ import annotations

from dataclasses import replace
from importlib.util import find_spec

from insitu import metrics
from insitu.core import install_hint
from insitu.devices.pcm_hermes2022 import PcmHermes2022
from insitu.experiments import Claim, Experiment, Variant
from insitu.learners.eprop import Eprop
from insitu.scenarios.arm_trajectories import ArmTrajectories
from insitu.scenarios.robot_arm.figures import FIGURES
from insitu.substrates.crossbar import Crossbar
from insitu.substrates.digital import Digital

FRESH_S, DAY_S = 60.0, 86400.0
SLOW_S = 0.25  # for which the robot holds a command
PCM = Eprop(Crossbar(PcmHermes2022(), pairs=1, compensation="column"))
ROUNDED, LATER = "software, rounded", "PCM, a day later"
FAST, SLOW = "PCM, heavy arm", "PCM, heavy arm, slowly"
SOFTWARE = Eprop(Digital(), grid=0)
FIGURE_VARIANTS = tuple(
    Variant(f"{name}, {figure}", learner, (("movement", figure), ("tasks", 50)))
    for figure in FIGURES
    for name, learner in (("software", SOFTWARE), ("PCM", PCM))
)
BODY = find_spec("mujoco") is not None
HEAVY = (
    Variant(FAST, PCM, (("hold_s", 0.01), ("tasks", 50))),
    Variant(SLOW, PCM, (("hold_s", SLOW_S), ("tasks", 10))),
)


EXPERIMENT = Experiment(
    paper="Ortner, Petschenig et al., Nat. Commun. 16 (2025), arXiv 2405.05141",
    scenario=ArmTrajectories(wait_s=0.0),
    learner=PCM,
    baseline=SOFTWARE,
    names=("software", "PCM"),
    variants=(Variant(ROUNDED, Eprop(Digital())), Variant(LATER, PCM, query_delay_s=DAY_S), *FIGURE_VARIANTS)
    + (HEAVY if BODY else ()),
    ages_s=(FRESH_S, DAY_S),
    verified="" if BODY else f"the simulated arm, since MuJoCo is not installed: {install_hint('arm')}",
    claims=(
        Claim(
            "hand, PCM",
            published="6.69",
            measure=metrics.at_session("learner", "hand_median", 1, FRESH_S),
            at_most=4.4,
            where="chip, 4 movements",
            unit="cm",
        ),
        Claim(
            "base after one demonstration, software",
            published=".038",
            measure=metrics.at_session("baseline", "omega_base", 1, FRESH_S),
            at_most=0.050,
            where="4 movements",
            unit="rad/s",
        ),
        Claim(
            "shoulder after one demonstration, software",
            published=".036",
            measure=metrics.at_session("baseline", "omega_shoulder", 1, FRESH_S),
            at_most=0.045,
            where="4 movements",
            unit="rad/s",
        ),
        Claim(
            "base after one demonstration, PCM",
            published=".127",
            measure=metrics.at_session("learner", "omega_base", 1, FRESH_S),
            at_most=0.085,
            where="chip, 4 movements",
            unit="rad/s",
        ),
        Claim(
            "shoulder after one demonstration, PCM",
            published=".067",
            measure=metrics.at_session("learner", "omega_shoulder", 1, FRESH_S),
            at_most=0.075,
            where="chip, 4 movements",
            unit="rad/s",
        ),
        Claim(
            "hand, software",
            published="2.21",
            measure=metrics.at_session("baseline", "hand_median", 1, FRESH_S),
            at_most=2.6,
            where="4 movements",
            unit="cm",
        ),
        Claim(
            "hand, PCM, arm with mass at the robot's speed",
            published="7.82",
            measure=metrics.at_session(SLOW, "hand_median", 1, FRESH_S),
            at_most=10.0,
            where="robot",
            unit="cm",
        ),
        Claim(
            "hand, PCM, arm with mass at full speed",
            published="not published",
            measure=metrics.at_session(FAST, "hand_median", 1, FRESH_S),
            at_most=10.0,
            unit="cm",
        ),
        Claim(
            "base, software with updates rounded to 1/16",
            published=".146",
            measure=metrics.at_session(ROUNDED, "omega_base", 1, FRESH_S),
            where="the authors' weights, own measurement",
            unit="rad/s",
        ),
        Claim(
            "shoulder, software with updates rounded to 1/16",
            published=".152",
            measure=metrics.at_session(ROUNDED, "omega_shoulder", 1, FRESH_S),
            where="the authors' weights, own measurement",
            unit="rad/s",
        ),
        Claim(
            "weights that one update changes, PCM",
            published="4 to 5",
            measure=metrics.at_session("learner", "changed", 1, FRESH_S),
            where="the authors' weights, own measurement",
            unit="%",
        ),
        Claim(
            "firing rate of the network, PCM",
            published="20",
            measure=metrics.at_session("learner", "trainee_hz", 1, FRESH_S),
            where="aimed at in training",
            unit="Hz",
        ),
        Claim(
            "firing rate of the generator",
            published="10",
            measure=metrics.at_session("learner", "teacher_hz", 1, FRESH_S),
            where="aimed at in training",
            unit="Hz",
        ),
        Claim(
            "hand, PCM, a day after learning",
            published="not published",
            measure=metrics.at_session(LATER, "hand_median", 1, FRESH_S),
            unit="cm",
        ),
        *(
            Claim(
                f"hand, {variant.name}",
                published="not published",
                measure=metrics.at_session(variant.name, "hand_median", 1, FRESH_S),
                unit="cm",
            )
            for variant in FIGURE_VARIANTS
        ),
    ),
)

QUICK = replace(
    EXPERIMENT,
    scenario=ArmTrajectories(tasks=20, wait_s=0.0),
    variants=EXPERIMENT.variants[:2],
    seeds=1,
    ages_s=(FRESH_S,),
)
