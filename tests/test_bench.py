"""Benchmarks against rivals: they are found, skip what is not there in one line, and make one table."""

from __future__ import annotations

import importlib
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

BENCH = Path(__file__).resolve().parents[1] / "bench"


@pytest.fixture
def bench(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Any:
    """Return the module of a script; results lie in a folder of the test."""
    monkeypatch.syspath_prepend(str(BENCH))
    script = importlib.import_module("script")
    monkeypatch.setattr(script, "RESULTS", tmp_path)
    return importlib.import_module


def result(**changes: Any) -> dict[str, Any]:
    ratios = {"ratio": 2.0, "ratio_lower_quartile": 1.5, "ratio_upper_quartile": 2.5, "cpu_ratio": 1.9}
    row = {"what": "search", "rival": "other", "ours_ms": 0.5, "theirs_ms": 1.0, "at_least": 3.0, "verdict": "not met"}
    machine = {
        "processor": "P",
        "cores": 2,
        "threads": 1,
        "instructions": "AVX2",
        "load_before": 0.1,
        "load_after": 0.2,
    }
    about = {"date": "2026-01-01", "commit": "abc", "rounds": 5, "instructions": "avx2", "machine": machine}
    return about | {"versions": {"theirs": {"other": "1.2", "python": "3"}}, "rows": [row | ratios]} | changes


def test_scripts_declare_themselves(bench: Any) -> None:
    found = bench("all").scripts()
    assert {"crossbar_vs_aihwkit", "maml_vs_learn2learn", "eprop", "binary_network", "memory"} <= found.keys()
    assert "rounds" not in found


def test_a_rival_that_is_not_there_is_skipped_with_the_reason(tmp_path: Path) -> None:
    for folder, reason in (
        ("", "INSITU_RIVALS does not name the folder"),
        (str(tmp_path), "there is no environment aihwkit below INSITU_RIVALS"),
    ):
        done = subprocess.run(
            [sys.executable, BENCH / "crossbar_vs_aihwkit.py"],
            env=os.environ | {"INSITU_RIVALS": folder},
            stderr=subprocess.PIPE,
            encoding="utf-8",
        )
        assert done.returncode == 77
        assert done.stderr.splitlines()[-1].startswith("skipped: ")
        assert reason in done.stderr.splitlines()[-1]


def test_environments_are_found_and_the_rest_is_named(
    bench: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("INSITU_RIVALS", str(tmp_path))
    for place in ("one/bin", "two/venv/bin"):
        (tmp_path / place).mkdir(parents=True)
        (tmp_path / place / "python").touch()
    found, missing = bench("script").interpreters(("one", "two", "three"))
    assert found == {"one": str(tmp_path / "one/bin/python"), "two": str(tmp_path / "two/venv/bin/python")}
    assert list(missing) == ["three"]


@pytest.mark.parametrize(("ratio", "cpu", "verdict"), [(3.1, 3.0, "met"), (3.1, 2.9, "not met"), (2.9, 3.1, "not met")])
def test_both_clocks_have_to_reach_what_is_wanted(bench: Any, ratio: float, cpu: float, verdict: str) -> None:
    script = bench("script")
    found = result()["rows"][0] | {"ratio": ratio, "cpu_ratio": cpu}
    kept = {key: value for key, value in found.items() if key not in ("at_least", "verdict")}
    assert script.row(script.Pair("search", "a", "b", 3.0), "other", kept)["verdict"] == verdict
    assert script.row(script.Pair("search", "a", "b"), "other", kept)["verdict"] == ""


def test_the_table_states_ratios_versions_and_growth(
    bench: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    table, script = bench("results_table"), bench("script")
    monkeypatch.setattr(script, "HERE", tmp_path)
    growth = [{"classes": size, "search_us": size**0.5, "share": 1.0} for size in (100, 10_000)]
    script.finish(result(growth=growth, missing={"third": "it is not there"}), tmp_path / "one.json")
    (tmp_path / "other.json").write_text('{"rows": [{"accuracy": 1}]}')
    (tmp_path / "list.json").write_text("[1]")
    found = table.read()
    assert list(found) == ["one"]
    assert table.terminal(found).splitlines()[1].split() == [
        *("search", "other", "500", "µs", "1", "ms", "2.00", "1.50..2.50", "1.90", "≥", "3", "not", "met"),
    ]  # fmt: skip
    table.write(found, {"two": "no environment"})
    text = (tmp_path / "RESULTS.md").read_text(encoding="utf-8")
    assert "| search | other | 500 µs | 1 ms | 2.00 (1.50..2.50) | 1.90 | ≥ 3 not met |" in text
    assert "2026-01-01, commit abc, 5 rounds; P, 2 cores" in text
    assert "both sides kept to avx2" in text
    assert "other 1.2." in text
    assert "search 0.50." in text
    assert "Not measured: third, it is not there." in text
    assert "- two: no environment" in text
    assert (tmp_path / "one_growth.svg").read_bytes().startswith(b"<?xml")
