"""Few-shot class-incremental sessions: many old classes, then sessions of a few new classes with a few shots each.

Protocol of Tao et al. (CVPR 2020). Examples are vectors of a frozen backbone, (n, features) float32, with class numbers
(n,) int64. Session 0 tests the base classes; after every session all test examples of all classes so far are tested.

Rows: ``classes`` seen so far, and accuracies in percent: ``overall`` counts every test once; ``base`` and ``novel`` are
those of old and of new classes, ``harmonic`` is their harmonic mean. What has no tests is absent, and so is a share of
old and new where no class is old. ``balanced`` is the mean over classes of their accuracies, which counts every class
once however many tests it has. Of learners with a verb ``similarities`` there is also ``novel_at_2``, see
``score_similarities``.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

from insitu.core import InsituError
from insitu.metrics import Row, balanced, correct, percent
from insitu.protocols import Column, Examples, Inputs, Protocol, Session
from insitu.protocols.vectors import check_examples, described

FORGOTTEN = 0.02  # share of the tests of old classes that new classes may take


@dataclass(frozen=True)
class FewShotBase:
    """What a learner is prepared with, off the device: classes 0 to classes - 1, which it then knows if ``known``."""

    means: Tensor  # (classes, features) mean activation of every base class over all of its training images
    examples: Examples  # a few of those images
    weight: Tensor  # (dim, features) of the backbone's last linear layer, from activations to the vector a memory holds
    bias: Tensor  # (dim,)
    known: bool = True  # whether a learner is to know these classes; otherwise they only prepare it for others, from 0


def check_base(base: FewShotBase) -> None:
    """Raise ``InsituError`` unless means, examples and last layer of ``base`` are finite and fit together."""
    means = base.means
    if not isinstance(means, Tensor) or means.ndim != 2 or not means.numel() or means.dtype != torch.float32:
        raise InsituError(f"means of the base are float32 (classes, features), at least (1, 1); got {described(means)}")
    classes, features = means.shape
    for name, value, shape in (
        ("means", means, (classes, features)),
        ("weight", base.weight, (len(base.bias), features)),
        ("bias", base.bias, (len(base.bias),)),
    ):
        if value.shape != shape or value.dtype != torch.float32:
            raise InsituError(f"{name} of the base is float32 {shape}; got {described(value)}")
        if not torch.isfinite(value).all():
            raise InsituError(f"{name} of the base holds NaN or infinity; compute it again")
    check_examples(base.examples, features)
    if (top := int(base.examples.labels.max())) >= classes:
        raise InsituError(f"examples of the base are of its {classes} classes, 0 to {classes - 1}; got class {top}")


def score(sessions: Sequence[Session], answers: Sequence[Tensor]) -> Row:
    """Return the accuracies of class numbers (n,) that answer the tests of one session."""
    [session], [guess] = sessions, answers
    labels = session.test.labels.numpy()
    right, old = correct(guess.numpy(), labels), labels < session.base_classes
    row: Row = {"classes": len(np.unique(labels)), "overall": percent(right), "balanced": balanced(right, labels)}
    if old.any():
        row["base"] = percent(right[old])
    if session.base_classes and not old.all():
        row["novel"] = percent(right[~old])
    if "base" in row and "novel" in row:
        base, novel = float(row["base"]), float(row["novel"])
        row["harmonic"] = 2 * base * novel / (base + novel) if base + novel else 0.0
    return row


def score_similarities(session: Session, classes: Tensor, similarities: Tensor) -> Row:
    """Return ``novel_at_2``: accuracy in percent on new classes where old ones lose ``FORGOTTEN`` of theirs to them.

    ``similarities`` (n, columns) are of the tests to ``classes`` (columns,). One constant is added to those of all new
    classes, the largest by which at most that share of the tests of old classes is answered by a new class that would
    else be right: "NCR at 2 FOR" of Paramonov et al., arXiv 2501.15998, who limit forgetting by a ratio of distances.
    """
    labels, new = session.test.labels, classes >= session.base_classes
    old_test = labels < session.base_classes
    if not new.any() or new.all() or old_test.all() or not old_test.any():
        return {}
    best = [similarities[:, kind].max(1) for kind in (~new, new)]
    answers = [classes[kind][found.indices] for kind, found in zip((~new, new), best, strict=True)]
    margin = (best[0].values - best[1].values).double()  # a test stays with the old classes up to this constant
    kept = margin[old_test & (answers[0] == labels)].sort().values
    lost = int(FORGOTTEN * int(old_test.sum()))
    constant = kept[lost] if lost < len(kept) else torch.tensor(torch.inf)
    right = (answers[1] == labels) & (margin < constant)
    return {"novel_at_2": percent(right[~old_test].numpy())}


PROTOCOL = Protocol(
    name="few_shot_sessions",
    title="few-shot sessions",
    step="session",
    base=FewShotBase,
    inputs=(Inputs.FEATURES,),
    columns=(
        Column("overall", "all classes", gap=True),
        Column("base", "old classes", gap=True),
        Column("novel", "new classes", gap=True),
        Column("harmonic", "harmonic mean"),
        Column("novel_at_2", "new at 2 % forgotten", meaning="new classes where old ones lose 2 points to them"),
    ),
    headline="overall accuracy in percent",
    continues=True,
    score=score,
    score_similarities=score_similarities,
)
