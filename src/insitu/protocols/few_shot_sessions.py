"""Few-shot class-incremental sessions: many old classes, then sessions of a few new classes with a few shots each."""

from __future__ import annotations

from insitu.protocols import Column, Protocol

PROTOCOL = Protocol(
    name="few_shot_sessions",
    step="session",
    columns=(
        Column("overall", "all classes", gap=True),
        Column("base", "old classes", gap=True),
        Column("novel", "new classes", gap=True),
        Column("harmonic", "harmonic mean"),
    ),
    headline="overall accuracy in percent",
    continues=True,
)
