"""A sharded memory answers as an unsharded one, and loses nothing that it has acknowledged."""

from __future__ import annotations

import os
import signal
import threading
import time
from contextlib import closing
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from insitu.core import InsituError
from insitu.memory.sharded import ShardedMemory
from insitu.memory.sharded.log import Log
from insitu.memory.sharded.shard import Shard
from ray_cluster import cluster

__all__ = ["cluster"]  # a fixture
FEATURES = 16


def change(event: int, labels: list[Any], places: list[int] | None = None) -> dict[str, Any]:
    return {
        "event": event,
        "kind": "learn",
        "labels": labels,
        "places": [*range(len(labels))] if places is None else places,
    }


def vectors(count: int, seed: int = 0) -> Any:
    return np.random.default_rng(seed).standard_normal((count, FEATURES)).astype(np.float32)


@settings(max_examples=15)
@given(seed=st.integers(0, 2**32), classes=st.sampled_from([3, 700, 2500]), shards=st.integers(2, 4))
def test_the_best_of_all_shards_is_the_best_of_one(seed: int, classes: int, shards: int) -> None:
    rng = np.random.default_rng(seed)
    x = rng.standard_normal((2 * classes, FEATURES)).round(1).astype(np.float32)
    labels = [*range(classes), *rng.integers(classes, size=classes).tolist()]
    x[1] = x[0]  # an equal class, which came later
    whole, parts = Shard(None), [Shard(None) for _ in range(shards)]
    whole.change(change(1, labels), x)
    for number, part in enumerate(parts):
        places = [place for place, label in enumerate(labels) if label % shards == number]
        if places:
            part.change(change(1, [labels[place] for place in places], places), x[places])
    queries = np.concatenate([x[:50], rng.standard_normal((50, FEATURES)).astype(np.float32)])
    scores, found, born = whole.search(queries)
    answers = [part.search(queries) for part in parts]
    best = [
        max(rows, key=lambda row: (row[0], -row[2][0], -row[2][1]))
        for rows in zip(*(zip(*answer, strict=True) for answer in answers), strict=True)
    ]
    assert [row[1] for row in best] == found
    assert [row[0] for row in best] == scores.tolist()
    assert [row[2] for row in best] == born


def test_the_answer_is_the_nearest_mean_of_unit_vectors() -> None:
    x, labels = vectors(4000), [*range(2000)] * 2
    shard = Shard(None)
    shard.change(change(1, labels[:2000]), x[:2000])
    shard.change(change(2, labels[2000:]), x[2000:])
    unit = x / np.linalg.norm(x, axis=1, keepdims=True)
    sums = unit[:2000] + unit[2000:]
    queries = vectors(300, 1)
    cosines = queries @ (sums / np.linalg.norm(sums, axis=1, keepdims=True)).T
    scores, found, _ = shard.search(queries)
    assert found == cosines.argmax(1).tolist()
    assert np.allclose(scores, cosines.max(1), atol=1e-5)
    shard.change({"event": 3, "kind": "forget", "labels": [found[0]]}, x[:0])
    assert found[0] not in shard.search(queries)[1]


def test_a_log_gives_the_shard_back_and_a_repeated_change_has_no_effect(tmp_path: Path) -> None:
    path, x = str(tmp_path / "shard"), vectors(8)
    with closing(Shard(path)) as first:
        fill(first, x)
    with closing(Shard(path)) as again:
        assert again.summary() == first.summary() == (3, FEATURES, {"a": 3, "b": 3, "d": 1})
        assert again.sums.tobytes() == first.sums.tobytes()
        assert again.search(x)[1] == first.search(x)[1]


def fill(first: Shard, x: Any) -> None:
    first.change(change(1, ["a", "b", "a", "c"]), x[:4])
    first.change(change(2, ["d", "a", "b", "b"]), x[4:])
    first.change({"event": 3, "kind": "forget", "labels": ["c"]}, x[:0])
    first.change(change(2, ["d", "a", "b", "b"]), x[4:])


def test_a_torn_record_is_cut_off_and_those_before_it_stay(tmp_path: Path) -> None:
    path, x = tmp_path / "shard", vectors(4)
    with closing(Shard(str(path))) as shard:
        shard.change(change(1, ["a", "b"]), x[:2])
        whole = path.stat().st_size
        shard.change(change(2, ["c", "d"]), x[2:])
    data = path.read_bytes()
    for size in range(whole, len(data), 7):
        path.write_bytes(data[:size])
        with closing(Shard(str(path))) as again:
            assert again.summary()[2] == {"a": 1, "b": 1}
            again.change(change(2, ["e"]), x[:1])
        with closing(Shard(str(path))) as later:
            assert later.summary()[2] == {"a": 1, "b": 1, "e": 1}


def test_a_file_of_another_version_is_refused(tmp_path: Path) -> None:
    (tmp_path / "shard").write_bytes(b"insitu shard 9\n")
    with pytest.raises(InsituError, match="is not a shard of this version"):
        Log(tmp_path / "shard")


@pytest.mark.slow
@pytest.mark.filterwarnings("ignore")
def test_an_actor_killed_while_teaching_loses_nothing_acknowledged(cluster: Any, tmp_path: Path) -> None:
    cluster.second()
    x, queries = vectors(1200), vectors(200, 1)
    acknowledged, over = [0], threading.Event()
    with ShardedMemory(2, cluster.address, tmp_path / "shards") as memory:
        import ray

        pids = ray.get([shard.__ray_call__.remote(lambda _: os.getpid()) for shard in memory._shards])

        def kill() -> None:
            while acknowledged[0] < 20 and not over.wait(0.01):
                pass
            os.kill(pids[0], signal.SIGKILL)

        killer = threading.Thread(target=kill)
        killer.start()
        started = time.monotonic()
        for start in range(0, len(x), 20):
            memory.partial_fit(x[start : start + 20], [f"class {row // 2}" for row in range(start, start + 20)])
            acknowledged[0] += 1
        over.set()
        killer.join()
        assert time.monotonic() - started < 900
        assert memory.class_count_.tolist() == [2] * 600
        sharded = memory.query(queries)
        found = sum(memory._each(lambda shard: shard.summary.remote(), range(2)), ())
        assert sum(sum(each.values()) for each in found[2::3]) == len(x)
    with ShardedMemory(2, cluster.address, tmp_path / "shards") as memory:
        assert memory.predict(queries).tolist() == sharded.labels.tolist()
        memory.forget("class 3")
        with pytest.raises(InsituError, match="does not hold 'class 3'"):
            memory.forget("class 3")
        with pytest.raises(InsituError, match="vectors of 16 features; X has 3"):
            memory.predict(queries[:, :3])
    with pytest.raises(InsituError, match="holds a memory of 2 shards; got 3"):
        ShardedMemory(3, cluster.address, tmp_path / "shards")
    with ShardedMemory(1, cluster.address) as whole:
        whole.partial_fit(x, [f"class {row // 2}" for row in range(len(x))])
        single = whole.query(queries)
    assert single.labels.tolist() == sharded.labels.tolist()
    assert single.similarities.tolist() == sharded.similarities.tolist()
