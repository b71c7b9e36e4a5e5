"""A Ray cluster of two nodes on this machine: one of them is killed while it computes."""

from __future__ import annotations

import json
from collections import Counter
from pathlib import Path
from typing import Any

import pytest

from engine_tasks import Work, killed, squared, where
from insitu import engines
from insitu.cli.main import main
from insitu.core import InsituError
from insitu.engines.ray import Ray
from ray_cluster import PARTS, cluster

__all__ = ["cluster"]  # a fixture


@pytest.mark.slow
@pytest.mark.filterwarnings("ignore")
def test_a_node_that_is_killed_loses_no_task_and_none_that_has_finished_runs_again(
    cluster: Any, tmp_path: Path
) -> None:
    second = cluster.second()
    nodes, found = set(), []
    for each in engines.finished(Ray(cluster.address), where, [Work(n, str(tmp_path), 0.2) for n in range(16)]):
        found.append(each)
        nodes.add(each.result)
        if len(nodes) == 2 and second is not None:
            cluster.remove_node(second, allow_graceful=False)
            second = None
    assert second is None
    assert sorted(each.task.number for each in found) == list(range(16))
    assert not [each.error for each in found if each.error]
    ends = Counter(file.name.split("-")[1] for file in tmp_path.glob("end-*"))
    starts = Counter(file.name.split("-")[1] for file in tmp_path.glob("start-*"))
    assert set(ends.values()) == {1}
    assert len(ends) == 16
    assert sum(starts.values()) <= 17  # the one that the node was computing


@pytest.mark.slow
@pytest.mark.filterwarnings("ignore")
def test_failures_and_lost_workers_are_told_apart(cluster: Any, tmp_path: Path) -> None:
    [failed] = engines.finished(Ray(cluster.address), squared, [Work(1, str(tmp_path), failing=True)])
    assert isinstance(failed.error, ValueError)
    [lost] = engines.finished(Ray(cluster.address), killed, [Work(1, str(tmp_path))])
    assert isinstance(lost.error, InsituError)
    assert "its worker was lost" in str(lost.error)


@pytest.mark.slow
@pytest.mark.filterwarnings("ignore")
def test_a_sweep_on_ray_has_the_numbers_of_one_in_processes(
    cluster: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("INSITU_PARTS", str(PARTS))
    words = ["sweep", "blobs", "--grid", "learner.noise=0.1,0.3", "--seeds", "2"]
    assert main([*words, "--engine", "ray", "--address", cluster.address, "--out", str(tmp_path / "ray")]) == 0
    assert main([*words, "--workers", "1", "--out", str(tmp_path / "local")]) == 0
    ray, local = (
        {file.relative_to(tmp_path / engine): json.loads(file.read_text())["rows"] for file in files}
        for engine in ("ray", "local")
        if (files := sorted((tmp_path / engine).rglob("seed-*.json")))
    )
    assert ray == local
    assert len(ray) == 4


@pytest.mark.parametrize("address", ["127.0.0.1:1", "ray://127.0.0.1:1"])
def test_no_cluster_at_the_address_is_said_at_once(address: str) -> None:
    pytest.importorskip("ray", reason="ray is not installed")
    with pytest.raises(InsituError, match=f"there is no Ray cluster at {address} .*--address"), Ray(address).connect():
        pass


@pytest.mark.parametrize("address", ["nowhere", "host:port", ":6379"])
def test_an_address_has_host_and_port(address: str) -> None:
    pytest.importorskip("ray", reason="ray is not installed")
    with pytest.raises(InsituError, match="--address is HOST:PORT"), Ray(address).connect():
        pass
