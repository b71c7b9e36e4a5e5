"""Omniglot in 5 ways of 5 shots on every device model, with convolutions that were written up to a month before.

Ortner, Petschenig et al. (2025) adapt on a chip whose convolutions have drifted; published for one chip, as it was.
Here the age is the time from writing the meta-trained weights to the first step on a task. Own choice: drift is
compensated per column in convolutions and heads, as in the explicit memory; resistive cells relax to either side, so
that no factor would undo it, and are not compensated.
"""

from __future__ import annotations

from dataclasses import replace

from insitu import metrics
from insitu.devices.cmo_hfox import CmoHfox
from insitu.devices.ideal import Ideal
from insitu.devices.pcm_joshi2020 import PcmJoshi2020
from insitu.devices.pcm_nandakumar2018 import PcmNandakumar2018
from insitu.devices.rram_wan2022 import RramWan2022
from insitu.experiments import Claim, Experiment, Variant
from insitu.experiments.ortner2025_omniglot import PCM, STEPS
from insitu.learners.maml import Maml
from insitu.scenarios.episodes import Episodes
from insitu.substrates.crossbar import Crossbar
from insitu.substrates.digital import Digital

MINUTE_S, HOUR_S, DAY_S, MONTH_S = 60.0, 3600.0, 86_400.0, 2_629_800.0


EXPERIMENT = Experiment(
    paper="Ortner, Petschenig et al., Nat. Commun. 16 (2025), arXiv 2405.05141",
    scenario=Episodes(tasks=200, drawn_for="all-seeds"),
    learner=Maml(substrate=replace(PCM, compensation="column")),
    baseline=Maml(substrate=Digital()),
    names=("software", "HERMES 2022"),
    variants=(
        Variant("Joshi 2020", Maml(substrate=Crossbar(PcmJoshi2020(), compensation="column"))),
        Variant("Nandakumar 2018", Maml(substrate=Crossbar(PcmNandakumar2018(), compensation="column"))),
        Variant("Wan 2022", Maml(substrate=Crossbar(RramWan2022()))),
        Variant("CMO/HfOx", Maml(substrate=Crossbar(CmoHfox()))),
        Variant("ideal cells", Maml(substrate=Crossbar(Ideal()))),
    ),
    data="images",
    ages_s=(MINUTE_S, HOUR_S, DAY_S, MONTH_S),
    claims=(
        Claim(
            "HERMES 2022 below software after four steps",
            published="on par",
            measure=metrics.gap_between("baseline", "learner", STEPS, MINUTE_S, MINUTE_S),
            at_most=0.3,
        ),
        Claim(
            "HERMES 2022, a month old, below software after four steps",
            published="not published",
            measure=metrics.gap_between("baseline", "learner", STEPS, MONTH_S, MINUTE_S),
            at_most=1.5,
            where="own target",
        ),
        Claim(
            "Joshi 2020 below software after four steps",
            published="on par",
            measure=metrics.gap_between("baseline", "Joshi 2020", STEPS, MINUTE_S, MINUTE_S),
        ),
        Claim(
            "Joshi 2020, a month old, below software after four steps",
            published="not published",
            measure=metrics.gap_between("baseline", "Joshi 2020", STEPS, MONTH_S, MINUTE_S),
            at_most=1.5,
            where="own target",
        ),
        Claim(
            "Nandakumar 2018 below software after four steps",
            published="on par",
            measure=metrics.gap_between("baseline", "Nandakumar 2018", STEPS, MINUTE_S, MINUTE_S),
        ),
        Claim(
            "Nandakumar 2018, a month old, below software after four steps",
            published="not published",
            measure=metrics.gap_between("baseline", "Nandakumar 2018", STEPS, MONTH_S, MINUTE_S),
            at_most=1.5,
            where="own target",
        ),
        Claim(
            "Wan 2022 below software after four steps",
            published="on par",
            measure=metrics.gap_between("baseline", "Wan 2022", STEPS, MINUTE_S, MINUTE_S),
        ),
        Claim(
            "Wan 2022, a month old, below software after four steps",
            published="not published",
            measure=metrics.gap_between("baseline", "Wan 2022", STEPS, MONTH_S, MINUTE_S),
        ),
        Claim(
            "CMO/HfOx below software after four steps",
            published="on par",
            measure=metrics.gap_between("baseline", "CMO/HfOx", STEPS, MINUTE_S, MINUTE_S),
        ),
        Claim(
            "CMO/HfOx, a month old, below software after four steps",
            published="not published",
            measure=metrics.gap_between("baseline", "CMO/HfOx", STEPS, MONTH_S, MINUTE_S),
        ),
        Claim(
            "ideal cells, 8-bit converters, below software after four steps",
            published="on par",
            measure=metrics.gap_between("baseline", "ideal cells", STEPS, MINUTE_S, MINUTE_S),
        ),
    ),
)

QUICK = replace(EXPERIMENT, data="package", seeds=2)
