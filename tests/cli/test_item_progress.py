"""Progress over items: on stderr alone, with the time left, and nothing where there is nothing to wait for."""

from __future__ import annotations

import io
import sys
import time

import pytest

from insitu.cli import item_progress


def test_a_log_gets_a_line_now_and_then(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    clock = iter([0.0, 1.0, 6.0, 7.0, 12.0, 20.0])  # of the start and of each call
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


def test_lines_grow_rare_as_time_passes(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    clock = iter([0.0, *(10.0 * number for number in range(1, 3601))])
    monkeypatch.setattr(item_progress.time, "monotonic", lambda: next(clock))
    with item_progress.shown("seeds") as update:
        for done in range(1, 3601):
            update(done, 3601)
    assert 20 < len(capsys.readouterr().err.splitlines()) < 120, "ten hours"


def test_a_log_says_where_nothing_finishes_for_long(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(item_progress, "SILENT_S", 0.04)
    said = ""
    with item_progress.shown("seeds") as update:
        update(0, 4)
        until = time.monotonic() + 30
        while not said and time.monotonic() < until:
            time.sleep(0.01)
            said += capsys.readouterr().err
    assert said.startswith("seeds 0/4, none finished after 0.")
