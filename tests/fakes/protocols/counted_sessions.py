"""Few-shot sessions of which wrong answers are counted, too."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from torch import Tensor

from insitu.metrics import Row
from insitu.protocols import Column, Session, few_shot_sessions


def score(sessions: Sequence[Session], answers: Sequence[Tensor]) -> Row:
    """Return the accuracies and the number of wrong answers."""
    [session], [guess] = sessions, answers
    return few_shot_sessions.score(sessions, answers) | {"errors": int((guess != session.test.labels).sum())}


PROTOCOL = replace(
    few_shot_sessions.PROTOCOL,
    name="counted_sessions",
    title="counted sessions",
    columns=(*few_shot_sessions.PROTOCOL.columns, Column("errors", "wrong answers", "tests", 0)),
    score=score,
)
