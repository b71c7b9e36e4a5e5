"""Classes learned shot by shot: a session gives one more example of each class, the first one the first of each.

Examples are vectors of a frozen encoder, (n, features) float32, with class numbers (n,) int64. Nothing is known before
the first session, which has number 1; the tests are the same in all sessions. Tests of the class ``UNKNOWN`` are of
things that are never learned.

Rows: ``classes`` learned, and in percent ``overall``, the share of right answers among tests of learned classes, and
``balanced``, the mean over classes of their shares. Where there are tests of unknown things and a learner has a verb
``similarities``, ``apart`` is the area under the ROC curve that tells learned classes from unknown things by the
largest similarity: 50 is chance, 100 perfect.
"""

from __future__ import annotations

from collections.abc import Sequence

from torch import Tensor

from insitu import metrics
from insitu.metrics import Row
from insitu.protocols import Column, Inputs, Protocol, Session
from insitu.protocols.few_shot_sessions import FewShotBase

UNKNOWN = -1  # class number of tests of things never learned


def score(tested: Sequence[Session], answers: Sequence[Tensor]) -> Row:
    """Return the accuracies of class numbers (n,) that answer the tests of one session."""
    [session], [guess] = tested, answers
    labels = session.test.labels
    learned = labels != UNKNOWN
    right = metrics.correct(guess[learned].numpy(), labels[learned].numpy())
    return {
        "classes": len(labels[learned].unique()),
        "overall": metrics.percent(right),
        "balanced": metrics.balanced(right, labels[learned].numpy()),
    }


def score_similarities(session: Session, classes: Tensor, similarities: Tensor) -> Row:
    """Return ``apart`` where there are tests of unknown things; ``similarities`` are (n, columns)."""
    unknown = session.test.labels == UNKNOWN
    if not unknown.any():
        return {}
    best = similarities.max(1).values.double().numpy()
    return {"apart": 100 * metrics.auroc(best[~unknown.numpy()], best[unknown.numpy()])}


PROTOCOL = Protocol(
    name="shot_by_shot",
    title="classes shot by shot",
    step="shot",
    base=FewShotBase,
    inputs=(Inputs.FEATURES,),
    columns=(
        Column("overall", "accuracy", gap=True),
        Column(
            "apart",
            "unknown told apart",
            meaning="area under the ROC curve by the largest similarity, 50 is chance",
        ),
    ),
    headline="accuracy in percent",
    continues=True,
    score=score,
    score_similarities=score_similarities,
)
