"""Omniglot in 5 ways of 5 shots on every device model, the convolutions written an hour, a day, a month before.

Ortner, Petschenig et al. (2025) adapt on a chip whose convolutions have drifted; published for one chip, as it was.
Here the age is the time from writing the meta-trained weights to the first step on a task.
"""

from __future__ import annotations

from dataclasses import replace

from insitu import metrics
from insitu.devices.ideal import Ideal
from insitu.devices.pcm_joshi2020 import PcmJoshi2020
from insitu.devices.pcm_nandakumar2018 import PcmNandakumar2018
from insitu.experiments import Arm, Claim, Experiment
from insitu.experiments.ortner2025_omniglot import PCM, STEPS
from insitu.learners.maml import Maml
from insitu.scenarios.episodes import Episodes
from insitu.substrates.crossbar import Crossbar
from insitu.substrates.digital import Digital

MINUTE_S, HOUR_S, DAY_S, MONTH_S = 60.0, 3600.0, 86_400.0, 2_629_800.0


def _gap(name: str, arm: str, age_s: float) -> Claim:
    return Claim(
        f"{name} below software after four steps",
        published="on par" if age_s == MINUTE_S else "not published",
        measure=metrics.gap_between("float", arm, STEPS, age_s, MINUTE_S),
        at_most=0.5 if age_s == MINUTE_S and arm == "device" else None,
    )


EXPERIMENT = Experiment(
    paper="Ortner, Petschenig et al., Nat. Commun. 16 (2025), arXiv 2405.05141",
    scenario=Episodes(tasks=200),
    learner=Maml(substrate=PCM),
    baseline=Maml(substrate=Digital()),
    names=("software", "HERMES 2022"),
    others=(
        Arm("Joshi 2020", Maml(substrate=Crossbar(PcmJoshi2020()))),
        Arm("Nandakumar 2018", Maml(substrate=Crossbar(PcmNandakumar2018()))),
        Arm("ideal cells", Maml(substrate=Crossbar(Ideal()))),
    ),
    seeds=3,
    data="images",
    ages_s=(MINUTE_S, HOUR_S, DAY_S, MONTH_S),
    claims=(
        _gap("HERMES 2022", "device", MINUTE_S),
        _gap("HERMES 2022, a month old,", "device", MONTH_S),
        _gap("Joshi 2020", "Joshi 2020", MINUTE_S),
        _gap("Joshi 2020, a month old,", "Joshi 2020", MONTH_S),
        _gap("Nandakumar 2018", "Nandakumar 2018", MINUTE_S),
        _gap("Nandakumar 2018, a month old,", "Nandakumar 2018", MONTH_S),
        _gap("ideal cells, 8-bit converters,", "ideal cells", MINUTE_S),
    ),
)

QUICK = replace(EXPERIMENT, data="package", seeds=2)
