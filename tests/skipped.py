"""The last line of a run of the tests: what was skipped, and how to have it."""

from __future__ import annotations

from collections import Counter
from collections.abc import Generator, Iterable
from typing import Any

import pytest


@pytest.hookimpl(wrapper=True, tryfirst=True)
def pytest_sessionfinish(session: pytest.Session) -> Generator[None, Any, Any]:
    """Write the line after everything that pytest itself has to say."""
    result = yield
    terminal = session.config.pluginmanager.get_plugin("terminalreporter")
    if terminal is not None and (line := last_line(terminal.stats.get("skipped", []))):
        terminal.write_line(line, yellow=True)
    return result


def last_line(reports: Iterable[Any]) -> str:
    """Return how many tests were skipped for which reason, or nothing; a reason says what to install or set."""
    reasons = Counter(_reason(report) for report in reports)
    if not reasons:
        return ""
    parts = [f"{count} × {reason}" for reason, count in reasons.most_common()]
    return f"{reasons.total()} skipped: {'; '.join(parts)}"


def _reason(report: Any) -> str:
    text = report.longrepr[2] if isinstance(report.longrepr, tuple) else str(report.longrepr)
    return " ".join(text.removeprefix("Skipped: ").split())
