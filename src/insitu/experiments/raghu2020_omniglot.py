"""Omniglot from a single shot, and in 20 ways, by steps on the head alone or in a memory: software and phase-change.

The settings of ANIL (Raghu et al., ICLR 2020), in addition to those of Ortner, Petschenig et al. (2025). Published
figures are of other classes (a random split, with rotated characters as test classes, too); ours are tasks of the 659
evaluation characters. Twenty ways are learned by the weights that were trained in five, from the mean row of their
head; one shot by weights that were trained further with one. Own choice: in 20 ways, where fewer of the examples move
a row of the head, the learning rate is 0.3, the best of five on held-out classes of meta-training. The explicit memory
behind the same convolutions writes the single shot of a class once.
"""

from __future__ import annotations

from insitu import metrics
from insitu.experiments import Claim, Experiment, Variant
from insitu.experiments.ortner2025_omniglot import FRESH_S, PCM, STEPS
from insitu.learners.explicit_memory import ExplicitMemory
from insitu.learners.maml import Maml
from insitu.learners.task_memory import TaskMemory
from insitu.scenarios.episodes import Episodes
from insitu.substrates.digital import Digital

RATE = 0.3  # learning rate of 20 ways
TWENTY = (("ways", 20), ("shots", 5), ("backbone", "ortner2025_omniglot"), ("tasks", 200), ("batch_size", 25))
SOFTWARE, CHIP = "20 ways, software", "20 ways, PCM"
EXACT_MEMORY, MEMORY = "1 shot, memory, software", "1 shot, memory on PCM"

EXPERIMENT = Experiment(
    paper="Raghu et al., Rapid Learning or Feature Reuse?, ICLR 2020",
    scenario=Episodes(shots=1, backbone="raghu2020_omniglot_1shot", drawn_for="all-seeds"),
    learner=Maml(substrate=PCM),
    baseline=Maml(substrate=Digital()),
    names=("1 shot, software", "1 shot, PCM"),
    variants=(
        Variant(SOFTWARE, Maml(substrate=Digital(), learning_rate=RATE), TWENTY),
        Variant(CHIP, Maml(substrate=PCM, learning_rate=RATE), TWENTY),
        Variant(EXACT_MEMORY, TaskMemory(Digital(), ExplicitMemory(Digital(), support="program"))),
        Variant(MEMORY, TaskMemory(PCM)),
    ),
    data="images",
    ages_s=(FRESH_S,),
    claims=(
        Claim(
            "5 ways, 1 shot, software, after four steps",
            published="ANIL 96.1, ProtoNet 98.8 (other classes)",
            measure=metrics.at_session("baseline", "overall", STEPS, FRESH_S),
            at_least=96.0,
            where="Raghu et al., 2020; Snell et al., 2017",
            unit="%",
        ),
        Claim(
            "20 ways, 5 shots, software, after four steps",
            published="ANIL 98.0, ProtoNet 98.9 (other classes)",
            measure=metrics.at_session(SOFTWARE, "overall", STEPS, FRESH_S),
            at_least=96.0,
            where="Raghu et al., 2020; Snell et al., 2017",
            unit="%",
        ),
        Claim(
            "PCM below software, 1 shot",
            published="not published",
            measure=metrics.gap_between("baseline", "learner", STEPS, FRESH_S, FRESH_S),
            at_most=1.5,
            where="own target",
        ),
        Claim(
            "PCM below software, 20 ways",
            published="not published",
            measure=metrics.gap_between(SOFTWARE, CHIP, STEPS, FRESH_S, FRESH_S),
            at_most=1.5,
            where="own target",
        ),
        Claim(
            "5 ways, 1 shot, explicit memory on PCM",
            published="96.8 (another chip: Chameleon, arXiv 2505.24852)",
            measure=metrics.at_session(MEMORY, "overall", 1, FRESH_S),
            at_least=96.8,
            where="own target",
            unit="%",
        ),
        Claim(
            "explicit memory on PCM below that in software, 1 shot",
            published="not published",
            measure=metrics.gap_between(EXACT_MEMORY, MEMORY, 1, FRESH_S, FRESH_S),
        ),
    ),
)
