"""Your own photos, sounds or numbers: a memory on devices next to scikit-learn's classifiers.

Give your folder, with a sub-folder of examples per class: insitu run own-folder --scenario.path photos

Every seed draws other examples to learn, one shot after the other. All variants have the same vectors: the memory in
float, scikit-learn's nearest centroid, linear discriminant with shrinkage, logistic regression and nearest neighbour;
and the memory where a fifth of the classes is left out, to measure whether it knows what it does not know.
"""

from __future__ import annotations

from insitu import metrics
from insitu.experiments import Claim, Experiment, Variant
from insitu.learners import Learner
from insitu.learners.linear_discriminant import LinearDiscriminant
from insitu.learners.logistic import Logistic
from insitu.learners.nearest_centroid import NearestCentroid
from insitu.learners.nearest_neighbours import NearestNeighbours
from insitu.memory.learner import MemoryLearner
from insitu.scenarios.own_folder import OwnFolder
from insitu.substrates.crossbar import Crossbar
from insitu.substrates.digital import Digital

FRESH_S, YEAR_S = 60.0, 31_557_600.0
DEVICES = Crossbar(compensation="column")
HEADS: dict[str, Learner] = {
    "nearest centroid": NearestCentroid(),
    "linear discriminant": LinearDiscriminant(),
    "logistic regression": Logistic(),
    "nearest neighbour": NearestNeighbours(),
}
LEFT_OUT = "a fifth left out"

EXPERIMENT = Experiment(
    paper="",
    scenario=OwnFolder(),
    learner=MemoryLearner(DEVICES),
    baseline=MemoryLearner(Digital()),
    seeds=20,
    data="images",
    ages_s=(FRESH_S, YEAR_S),
    names=("memory, float", "memory"),
    variants=(
        Variant(LEFT_OUT, MemoryLearner(DEVICES), (("left_out", 0.2),)),
        *(Variant(name, learner) for name, learner in HEADS.items()),
    ),
    claims=(
        Claim(
            "accuracy after the last shot",
            published="",
            measure=metrics.at_session("learner", "overall", -1, FRESH_S),
            unit="%",
        ),
        *(
            Claim(
                f"accuracy above that of {name}",
                published="",
                measure=metrics.gap_between("learner", name, -1, FRESH_S, FRESH_S),
            )
            for name in HEADS
        ),
        Claim(
            "accuracy lost by a year of drift",
            published="",
            measure=metrics.gap_between("learner", "learner", -1, YEAR_S, FRESH_S),
        ),
        Claim(
            "accuracy brought by the second half of the shots",
            published="",
            measure=metrics.gain_of_second_half("learner", "overall", FRESH_S),
        ),
        Claim(
            f"unknown things told apart, {LEFT_OUT}",
            published="",
            measure=metrics.at_session(LEFT_OUT, "apart", -1, FRESH_S),
            unit="%",
        ),
    ),
)
