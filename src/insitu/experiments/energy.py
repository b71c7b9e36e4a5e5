"""Energy and memory of the whole chain, encoder included, per class learned and per query, on five kinds of hardware.

miniImageNet, 60 old classes and 8 sessions of 5 new ones from 5 shots. The encoder in float or 8-bit arithmetic or on
phase-change cores, or of 1-bit weights; the memory in float, in 8 bits, or on phase-change cores. Accuracy is that of
the memory; what the arithmetic of the encoder changes in its vectors is not simulated.
"""

from __future__ import annotations

from dataclasses import replace

from insitu.devices.pcm_hermes2022 import PcmHermes2022
from insitu.experiments import Experiment, Variant
from insitu.learners.explicit_memory import ExplicitMemory
from insitu.learners.with_encoder import WithEncoder
from insitu.scenarios.few_shot_sessions import FewShotSessions
from insitu.substrates.crossbar import Crossbar
from insitu.substrates.digital import Digital

FLOAT, BYTE, CORE = Digital(), Digital(bits=8), Crossbar(compensation="column")
ON_CORE = ExplicitMemory(CORE)
BITS = (("backbone", "binary"),)

EXPERIMENT = Experiment(
    paper="own measure, next to O-FSCIL (arXiv 2403.07851) and FSL-HDnn (arXiv 2512.11826)",
    scenario=FewShotSessions(data_set="miniimagenet"),
    learner=WithEncoder(ON_CORE, encoder=BYTE),
    baseline=WithEncoder(ExplicitMemory(FLOAT, support="program"), encoder=FLOAT),
    names=("float digital", "8 bits, memory on PCM"),
    variants=(
        Variant("8-bit digital", WithEncoder(ExplicitMemory(BYTE, support="program"), encoder=BYTE)),
        Variant("all on PCM", WithEncoder(ON_CORE, encoder=Crossbar(PcmHermes2022(), pairs=1))),
        Variant(
            "binary, memory in 8 bits",
            WithEncoder(ExplicitMemory(BYTE, projection="identity", support="program"), "binary", BYTE),
            BITS,
        ),
        Variant(
            "binary, memory on PCM",
            WithEncoder(ExplicitMemory(CORE, projection="identity", support="bipolar", pulses=1), "binary", BYTE),
            BITS,
        ),
    ),
)

QUICK = replace(EXPERIMENT, seeds=1)
