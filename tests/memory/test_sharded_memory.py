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
from insitu.memory.sharded.shard import Shard
from ray_cluster import two_cores

__all__ = ["two_cores"]  # a fixture
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


def test_an_approximate_shard_finds_nearly_all_and_follows_what_is_taught_and_forgotten() -> None:
    pytest.importorskip("usearch", reason="usearch is not installed")
    x, exact, approximate = vectors(2000), Shard(None), Shard(None, candidates=64)
    queries = x[:300] + vectors(300, 1) / 4
    for event, shard in ((1, exact), (1, approximate)):
        shard.change(change(event, [*range(1900)]), x[:1900])
    found, right = approximate.search(queries), exact.search(queries)
    assert np.mean([a == b for a, b in zip(found[1], right[1], strict=True)]) >= 0.95
    assert np.mean(found[0] == right[0]) >= 0.95
    for shard in (exact, approximate):
        shard.change(change(2, [*range(1900, 1950)]), x[1900:1950])
        shard.change({"event": 3, "kind": "forget", "labels": [0]}, x[:0])
    assert approximate.search(x[1900:1950])[1] == [*range(1900, 1950)]
    assert approximate.search(x[:1])[1] != [0]


@pytest.mark.slow
@pytest.mark.filterwarnings("ignore")
def test_an_actor_killed_while_teaching_loses_nothing_acknowledged(two_cores: str, tmp_path: Path) -> None:
    import ray

    x, queries, folder = vectors(1200), vectors(200, 1), tmp_path / "shards"
    labels = [f"class {row // 2}" for row in range(len(x))]
    with ShardedMemory(2, two_cores, folder) as memory:
        killed = []
        for start in range(0, len(x), 20):
            if start in (200, 800):
                killed.append(pid(memory, start // 800))
                later = threading.Timer(0.005, os.kill, (killed[-1], signal.SIGKILL))
                later.start()
            memory.partial_fit(x[start : start + 20], labels[start : start + 20])
        later.join()
        assert memory.class_count_.tolist() == [2] * 600
        sharded = memory.query(queries)
        found = memory._each(lambda shard: shard.summary.remote(), range(2))
        assert sum(sum(counts.values()) for _, _, counts in found) == len(x)
        assert not {pid(memory, shard) for shard in range(2)} & {*killed}
        with pytest.raises(InsituError, match="vectors of 16 features; X has 3"):
            memory.predict(queries[:, :3])
        memory.forget("class 3")
        with pytest.raises(InsituError, match="does not hold 'class 3'"):
            memory.forget("class 3")
        ray.kill(memory._shards[0])  # and not started again
        with pytest.raises(InsituError, match="shard 0 is lost"):
            memory.query(queries)
    with ShardedMemory(2, two_cores, folder) as memory:
        assert memory.class_count_.tolist() == [2] * 599
        memory.partial_fit(x[6:8], labels[6:8])
        assert memory.predict(queries).tolist() == sharded.labels.tolist()
    whole = Shard(None)
    whole.change(change(1, labels), x)
    scores, classes, _ = whole.search(memory._unit(queries))
    assert sharded.labels.tolist() == classes
    assert sharded.similarities.tolist() == scores.tolist()


def pid(memory: ShardedMemory, shard: int) -> int:
    return int(memory._each(lambda each: each.__ray_call__.remote(lambda _: os.getpid()), [shard])[0])


@pytest.mark.slow
@pytest.mark.filterwarnings("ignore")
def test_a_memory_that_cannot_start_says_why(two_cores: str, tmp_path: Path) -> None:
    with pytest.raises(InsituError, match="the cluster has 2, and 3 shards are wanted"):
        ShardedMemory(3, two_cores)
    (tmp_path / "shard-0-of-1").write_bytes(b"insitu shard 9\n")
    started = time.monotonic()
    with pytest.raises(InsituError, match="is not a shard of this version"):
        ShardedMemory(1, two_cores, tmp_path)
    assert time.monotonic() - started < 300  # it does not wait for what cannot come back
    with pytest.raises(InsituError, match="holds a memory of 1 shards; got 2"):
        ShardedMemory(2, two_cores, tmp_path)
    with pytest.raises(InsituError, match="does not answer within 0 s"):
        ShardedMemory(1, two_cores, wait_s=0)
