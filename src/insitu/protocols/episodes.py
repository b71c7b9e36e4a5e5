"""Short tasks of a few classes and shots, each learned from the same meta-trained state, queried after every step."""

from __future__ import annotations

from insitu.protocols import Column, Protocol

PROTOCOL = Protocol(
    name="episodes",
    step="step",
    columns=(Column("overall", "accuracy", gap=True),),
    headline="overall accuracy in percent",
    continues=False,
)
