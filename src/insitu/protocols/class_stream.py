"""A stream of experiences, each of many examples of new classes, known classes or both; nothing is known before it."""

from __future__ import annotations

from insitu.protocols import Column, Protocol

PROTOCOL = Protocol(
    name="class_stream",
    step="experience",
    columns=(Column("overall", "all classes", gap=True),),
    headline="overall accuracy in percent",
    continues=True,
)
