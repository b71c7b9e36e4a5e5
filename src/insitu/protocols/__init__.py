"""Evaluation protocols: what a learner is prepared with and given, how it is scored, and what a report shows of it.

A protocol is one file with one record, ``PROTOCOL``. A scenario names the one it follows, and a learner those that it
can learn.
"""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Column:
    """A measure of rows as reports show it."""

    name: str  # key in rows
    heading: str  # of its column
    unit: str = "%"
    digits: int = 1
    gap: bool = False  # also shown as baseline minus learner, seed by seed


@dataclass(frozen=True)
class Protocol:
    """An evaluation protocol."""

    name: str  # "few_shot_sessions"
    step: str  # what one value of ``session`` of a row is called
    columns: tuple[Column, ...]  # the first is the headline, which progress shows
    headline: str  # the first column in words
    continues: bool  # a session adds to those before it; else it holds tasks that each start from the prepared state
