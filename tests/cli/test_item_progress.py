"""Progress over items: on stderr alone, with the time left, and nothing where there is nothing to wait for."""

from __future__ import annotations

import io
import sys

import pytest

from insitu.cli import item_progress


def test_a_log_gets_a_line_now_and_then(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    clock = iter([0.0, 1.0, 6.0, 7.0, 12.0, 20.0])
    monkeypatch.setattr(item_progress.time, "monotonic", lambda: next(clock))
    with item_progress.shown("encoding") as update:
        for done in (1, 2, 3, 4, 10):
            update(done, 10)
    said = capsys.readouterr()
    assert said.out == ""
    assert said.err.splitlines() == ["encoding 2/10, 24 s left", "encoding 4/10, 18 s left"]


def test_a_terminal_gets_a_bar_from_the_first_item_on(monkeypatch: pytest.MonkeyPatch) -> None:
    class Terminal(io.StringIO):
        def isatty(self) -> bool:
            return True

    screen = Terminal()
    monkeypatch.setattr(sys, "stderr", screen)
    monkeypatch.setenv("TERM", "xterm")
    with item_progress.shown("encoding") as update:
        assert screen.getvalue() == ""
        update(1, 3)
        update(3, 3)
    assert "encoding" in screen.getvalue()
    assert "3/3" in screen.getvalue()
