"""The script behind ``make results`` runs every experiment whose data can be had, and writes what the docs show."""

from __future__ import annotations

import shutil
import subprocess
from pathlib import Path

from insitu import catalog

ROOT = Path(__file__).resolve().parents[2]
NOT_TO_BE_HAD = {"karunaratne2022-cifar100", "vorabbi2023-core50", "own-folder"}  # archives and folders of others


def test_every_experiment_is_run_and_every_figure_drawn(tmp_path: Path) -> None:
    python = tmp_path / "python"
    python.write_text(
        '#!/bin/sh\necho "$@" >> calls\nmkdir -p runs/ortner2025-arm\ntouch runs/ortner2025-arm/arm.gif\n'
    )
    python.chmod(0o755)
    (tmp_path / "docs" / "figures").mkdir(parents=True)
    (tmp_path / "bench").mkdir()
    script = shutil.copy(ROOT / "bench" / "results.sh", tmp_path / "bench")
    subprocess.run(["sh", str(script)], env={"PATH": "/usr/bin:/bin", "PYTHON": str(python)}, check=True)
    calls = [line.split()[2:] for line in (tmp_path / "calls").read_text().splitlines()]
    run = [call[1] for call in calls if call[0] == "run"]
    assert set(run) == {part.name for part in catalog.parts("experiments")} - NOT_TO_BE_HAD
    ledgers = [["report", "--results", f"docs/{name}.md"] for name in ("results", "retention")]
    reported = {word for call in calls if call[:3] in ledgers for word in call[3:]}
    assert {f"runs/{name}" for name in run} <= reported
    assert len(reported) == len(run)  # one composition of its own among them
    drawn = {Path(call[2]).name for call in calls if call[:2] == ["report", "--figure"]} | {"arm.gif"}
    assert drawn == {file.name for file in (ROOT / "docs" / "figures").iterdir()} - {"page.png", "scaling_law.svg"}
