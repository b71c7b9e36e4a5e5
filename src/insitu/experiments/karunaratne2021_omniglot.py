"""Omniglot in 5, 20 and 100 ways: key vectors of unseen characters in phase-change memory, compared by one product.

Karunaratne et al., Nat. Commun. 12, 2468 (2021): 97.44, 97.79 and 93.97 % in full precision. Tasks are of the 659
evaluation characters; the backbone was trained on background characters alone, and another one than the paper's, which
was meta-trained with its memory. Own choice: shots are superposed by SET pulses, where the paper programs a row for
each.
"""

from __future__ import annotations

from dataclasses import replace

from insitu import metrics
from insitu.experiments import Claim, Experiment, Variant
from insitu.learners.explicit_memory import ExplicitMemory
from insitu.learners.few_shot_memory import FewShotMemory
from insitu.scenarios.few_shot_tasks import FewShotTasks
from insitu.substrates.digital import Digital

FRESH_S = 60.0
TWENTY = (("ways", 20), ("shots", 5), ("tasks", 200), ("batch_size", 20))
HUNDRED = (("ways", 100), ("shots", 5), ("tasks", 100), ("batch_size", 4))  # of each of ten seeds
MEMORY = FewShotMemory()
SOFTWARE = FewShotMemory(ExplicitMemory(Digital(), support="program"))


def _accuracy(arm: str, setting: str, published: str, at_least: float | None) -> Claim:
    return Claim(
        setting,
        published=published,
        measure=metrics.at_session(arm, "overall", 1, FRESH_S),
        at_least=at_least,
        where="full precision, reproduced at 512 rows",
        unit="%",
    )


EXPERIMENT = Experiment(
    paper="Karunaratne et al., Nat. Commun. 12, 2468 (2021), arXiv 2010.01939",
    scenario=FewShotTasks(),
    learner=MEMORY,
    baseline=SOFTWARE,
    names=("5 ways 1 shot, float", "5 ways 1 shot, PCM"),
    variants=(
        Variant("20 ways 5 shots, float", SOFTWARE, TWENTY),
        Variant("20 ways 5 shots, PCM", MEMORY, TWENTY),
        Variant("100 ways 5 shots, float", SOFTWARE, HUNDRED),
        Variant("100 ways 5 shots, PCM", MEMORY, HUNDRED),
    ),
    ages_s=(FRESH_S,),
    claims=(
        _accuracy("learner", "PCM, 5 ways, 1 shot", "97.44", 97.4),
        _accuracy("20 ways 5 shots, PCM", "PCM, 20 ways, 5 shots", "97.79", 97.8),
        _accuracy("100 ways 5 shots, PCM", "PCM, 100 ways, 5 shots", "93.97", 94.0),
        _accuracy("baseline", "float, 5 ways, 1 shot", "97.44", None),
        _accuracy("20 ways 5 shots, float", "float, 20 ways, 5 shots", "97.79", None),
        _accuracy("100 ways 5 shots, float", "float, 100 ways, 5 shots", "93.97", None),
    ),
)

QUICK = replace(EXPERIMENT, seeds=1)
