"""Movements of a robot arm, each learned from one demonstration by one update, and reproduced from a clock alone."""

from __future__ import annotations

from insitu.protocols import Column, Protocol

PROTOCOL = Protocol(
    name="trajectories",
    step="step",
    columns=(
        Column("hand_median", "hand", "cm"),
        Column("hand_mean", "hand, mean", "cm"),
        Column("omega_base", "base", "rad/s", 3),
        Column("omega_shoulder", "shoulder", "rad/s", 3),
        Column("changed", "weights changed", "%"),
        Column("rewritten", "cells written", "", 0),
        Column("trainee_hz", "trainee", "Hz", 0),
        Column("unreachable", "beyond limits", "%", 0),
    ),
    headline="median error of the hand in cm, before the update and after",
    continues=False,
)
