"""Every engine computes every task once, whatever happens to its workers."""

from __future__ import annotations

import contextlib
import os
import random
import signal
import subprocess
import sys
import threading
import time
from collections import Counter
from pathlib import Path

import pytest

from engine_tasks import Work, killed, squared
from insitu import engines
from insitu.core import InsituError
from insitu.engines import Engine
from insitu.engines.local import Local
from insitu.engines.slurm import Slurm, parameters


def starts(folder: Path) -> Counter[int]:
    return Counter(int(file.name.split("-")[1]) for file in folder.glob("start-*"))


@pytest.fixture(params=["local", "slurm"])
def engine(request: pytest.FixtureRequest, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Engine:
    if request.param == "local":
        return Local(2)
    pytest.importorskip("submitit", reason="submitit is not installed")
    monkeypatch.setenv("PYTHONPATH", os.pathsep.join(sys.path))  # jobs import the function by its name
    return Slurm(tmp_path / "jobs", 3, cluster="local")


def test_every_task_is_computed_once_and_failures_do_not_stop_the_others(engine: Engine, tmp_path: Path) -> None:
    given = [Work(number, str(tmp_path), failing=number == 2) for number in (3, 1, 2, 5)]
    found = {each.task.number: each for each in engines.finished(engine, squared, given)}
    assert {number: each.result for number, each in found.items()} == {3: 9, 1: 1, 2: None, 5: 25}
    assert {number: str(each.error) for number, each in found.items() if each.error}.keys() == {2}
    assert "2 fails" in str(found[2].error)
    assert starts(tmp_path) == Counter(work.number for work in given)


def test_a_task_that_kills_its_worker_is_given_up_and_the_others_are_computed(tmp_path: Path) -> None:
    [failed] = engines.finished(Local(2), killed, [Work(1, str(tmp_path))])
    assert isinstance(failed.error, InsituError)
    assert f"lost {engines.STARTS} times" in str(failed.error)


@pytest.mark.skipif(not hasattr(signal, "SIGKILL"), reason="kills processes, which Windows cannot")
def test_workers_killed_at_random_lose_no_task_and_repeat_none(tmp_path: Path) -> None:
    kills, count, rng, over = 20, 40, random.Random(0), threading.Event()
    hit: list[int] = []

    def kill() -> None:
        """Kill workers at random moments of a task's first start, so that no task is given up."""
        while len(hit) < kills and not over.wait(0.005):
            for file in tmp_path.glob("start-*"):
                _, number, pid, _ = file.name.split("-")
                if starts(tmp_path)[int(number)] > 1 or int(pid) in hit or (tmp_path / f"done-{number}").exists():
                    continue
                time.sleep(rng.uniform(0, 0.1))
                with contextlib.suppress(ProcessLookupError):
                    os.kill(int(pid), signal.SIGKILL)
                    hit.append(int(pid))

    killer = threading.Thread(target=kill)
    killer.start()
    try:
        tasks = [Work(number, str(tmp_path), sleep_s=0.15) for number in range(count)]
        found = [(each.task.number, each.result, each.error) for each in engines.finished(Local(2), squared, tasks)]
    finally:
        over.set()
        killer.join()
    assert len(hit) >= kills
    assert sorted(found) == [(number, number**2, None) for number in range(count)]
    assert sum(starts(tmp_path).values()) <= count + len(hit)  # a kill costs the one task that was running


@pytest.mark.skipif(not Path("/proc/self/task").exists(), reason="looks at processes in /proc, which Linux has")
def test_workers_end_with_the_process_that_started_them(tmp_path: Path) -> None:
    script = tmp_path / "driver.py"
    script.write_text(
        "from insitu import engines\nfrom insitu.engines.local import Local\n"
        "from engine_tasks import Work, squared\n"
        "if __name__ == '__main__':\n"
        f"    for each in engines.finished(Local(1), squared, [Work(n, {str(tmp_path)!r}, 60 * n) for n in (0, 1)]):\n"
        "        print('first', flush=True)\n"
    )
    paths = os.pathsep.join([str(Path(__file__).parents[1]), *sys.path])
    with subprocess.Popen(
        [sys.executable, script], stdout=subprocess.PIPE, env={**os.environ, "PYTHONPATH": paths}
    ) as driver:
        assert driver.stdout
        driver.stdout.readline()
        while not (begun := list(tmp_path.glob("start-1-*"))):
            time.sleep(0.05)
        driver.kill()
    worker = Path(f"/proc/{begun[0].name.split('-')[2]}")
    deadline = time.monotonic() + 20
    while worker.exists() and time.monotonic() < deadline:
        time.sleep(0.05)
    assert not worker.exists()


def test_leaving_the_iterator_stops_the_workers(tmp_path: Path) -> None:
    tasks = [Work(0, str(tmp_path)), Work(1, str(tmp_path), sleep_s=600)]
    found = engines.finished(Local(2), squared, tasks)
    started = time.monotonic()
    assert next(found).task.number == 0
    found.close()  # type: ignore[attr-defined]
    assert time.monotonic() - started < 300


def test_wrong_numbers_and_parameters_are_refused() -> None:
    with pytest.raises(InsituError, match="--workers is at least 1; got 0"):
        Local(0)
    assert parameters(["timeout_min=60", "slurm_partition=short"]) == (
        ("timeout_min", 60),
        ("slurm_partition", "short"),
    )
    with pytest.raises(InsituError, match="NAME=VALUE; got 'timeout'"):
        parameters(["timeout"])


def test_slurm_says_what_is_missing(tmp_path: Path) -> None:
    pytest.importorskip("submitit", reason="submitit is not installed")
    with (
        pytest.raises(InsituError, match="parameters of submitit as NAME=VALUE"),
        Slurm(tmp_path, 1, (("no_such_thing", 1),), cluster="local").connect(),
    ):
        pass
    if not any(Path(folder, "srun").exists() for folder in os.get_exec_path()):
        with pytest.raises(InsituError, match="there is no Slurm here"), Slurm(tmp_path, 1).connect():
            pass
