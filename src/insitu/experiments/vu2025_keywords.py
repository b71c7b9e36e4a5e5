"""Keywords added on the device to a binary network: one word to nine, and four to six, tested on unheard speakers.

Vu et al., arXiv 2505.02469, report accuracies with one and with four words added to twelve of Google Speech Commands,
by methods that change the last layer. Ours are ten spoken digits and far fewer speakers, four for the training and two
for the test, so what is judged is the share of the accuracy of a network and a head trained on all ten words at once.

Learning rates are own choices, by recordings of a speaker held out of the four (docs/scenarios.md).
"""

from __future__ import annotations

from dataclasses import replace

from insitu import metrics
from insitu.experiments import Claim, Experiment, Variant
from insitu.learners.cwr_star import CwrStar
from insitu.learners.latent_replay import LatentReplay
from insitu.scenarios.added_words import AddedWords

AGE_S = 60.0
ADDED = 1  # the session after which words have been added
QUANTISED = CwrStar(learning_rate=0.16)
FLOAT = replace(QUANTISED, forward_bits=0, update_bits=0)
FOUR, FOUR_FLOAT, REPLAY, JOINT = "4 words, quantised", "4 words, float", "4 words, latent replay", "all words at once"

EXPERIMENT = Experiment(
    paper="Vu et al., arXiv 2505.02469",
    scenario=AddedWords(added=1),
    learner=QUANTISED,
    baseline=FLOAT,
    names=("1 word, float", "1 word, quantised"),
    variants=(
        Variant(FOUR_FLOAT, FLOAT, (("added", 4),)),
        Variant(FOUR, QUANTISED, (("added", 4),)),
        Variant(REPLAY, LatentReplay(), (("added", 4), ("give", "latents"))),
        Variant(JOINT, FLOAT, (("added", 0),)),
    ),
    seeds=5,
    data="images",
    ages_s=(AGE_S,),
    claims=(
        Claim(
            "1 word added, share of the accuracy of all words at once",
            published="above 95 (accuracy, other words)",
            measure=metrics.share("learner", ADDED, JOINT, 0, AGE_S),
            at_least=95.0,
            where="abstract",
            unit="%",
        ),
        Claim(
            "4 words added, share of the accuracy of all words at once",
            published="up to 86 (accuracy, other words)",
            measure=metrics.share(FOUR, ADDED, JOINT, 0, AGE_S),
            at_least=86.0,
            where="abstract",
            unit="%",
        ),
        Claim(
            "quantised below float CWR*, 1 word added",
            published="not published",
            measure=metrics.gap_between("baseline", "learner", ADDED, AGE_S, AGE_S),
            at_most=0.5,
            where="own target",
        ),
        Claim(
            "quantised below float CWR*, 4 words added",
            published="not published",
            measure=metrics.gap_between(FOUR_FLOAT, FOUR, ADDED, AGE_S, AGE_S),
            at_most=0.5,
            where="own target",
        ),
    ),
)

QUICK = replace(EXPERIMENT, seeds=1)
