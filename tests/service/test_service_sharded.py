"""A sharded memory over HTTP: what it can do, what it refuses, and that nothing acknowledged is lost."""

from __future__ import annotations

import errno
import os
import signal
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from asking import Service

from insitu.memory.sharded import ShardedMemory
from insitu.service import labels
from insitu.service.worker import sharded_backend
from insitu.service.worker.sharded_backend import ShardedBackend
from ray_cluster import two_cores

__all__ = ["two_cores"]  # a fixture
FEATURES = 4
REFUSED = [
    ("undo", {}),
    ("rename", {"label": "a", "new": "b"}),
    ("relabel", {"example": 1, "label": "a"}),
    ("remove", {"example": 1}),
    ("ahead", {"seconds": 10.0}),
    ("predict", {"vector": [1.0] * FEATURES, "familiarity": True}),
]


class Sharded:
    """A service over a sharded memory."""

    def __init__(self, address: str, folder: Path) -> None:
        self.memory = ShardedMemory(2, address, folder)
        self.service = Service(ShardedBackend(self.memory))

    @property
    def classes(self) -> dict[str, int]:
        return {each["label"]: each["examples"] for each in self.service.get("/api/memory").json["classes"]}

    @property
    def stored(self) -> dict[str, int]:
        """What the shards hold."""
        found = self.memory._each(lambda shard: shard.summary.remote(), range(2))
        return {label: count for _, _, counts in found for label, count in counts.items()}

    def teach(self, names: list[str], x: Any) -> Any:
        return self.service.post("/api/teach", {"labels": names, "vectors": np.asarray(x).tolist()})

    def predicted(self, x: Any) -> list[Any]:
        reply = self.service.post("/api/predict", {"vectors": np.asarray(x).tolist()})
        assert reply.status == 200, reply.body
        return [(each["label"], each["scores"]) for each in reply.json["predictions"]]

    def in_shard(self, number: int, act: Any) -> Any:
        return self.memory._each(lambda shard: shard.__ray_call__.remote(act), [number])[0]


@pytest.fixture(scope="module")
def started(two_cores: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Sharded]:
    made = Sharded(two_cores, tmp_path_factory.mktemp("shards"))
    yield made
    made.service.close()


@pytest.fixture
def sharded(started: Sharded) -> Sharded:
    """The service of this module, with a memory that holds no class."""
    for label in started.classes:
        assert started.service.post("/api/forget", {"label": label}).status == 200
    return started


def vectors(count: int, seed: int = 0) -> Any:
    return np.random.default_rng(seed).standard_normal((count, FEATURES)).astype(np.float32)


def nearest(x: Any, count: int) -> list[str]:
    """Return the labels of the first rows of ``x``, two of each class, by cosine to the means of unit vectors."""
    unit = x / np.linalg.norm(x, axis=1, keepdims=True)
    means = unit[::2] + unit[1::2]
    scores = unit[:count] @ (means / np.linalg.norm(means, axis=1, keepdims=True)).T
    return [f"class {number}" for number in scores.argmax(1)]


@pytest.mark.slow
@pytest.mark.filterwarnings("ignore")
def test_it_is_taught_predicts_and_forgets(sharded: Sharded) -> None:
    service, x = sharded.service, np.eye(FEATURES)
    assert service.post("/api/predict", {"vector": [1.0]}).status == 409
    before = service.get("/api/memory").json
    taught = sharded.teach(["a", "b", "a", " café "], x)
    assert taught.json == {
        "event": before["events"] + 1,
        "classes": [{"label": "a", "examples": 2}, {"label": "b", "examples": 1}, {"label": "café", "examples": 1}],
        "spent": {},
        "energy_nj": None,
    }
    assert sharded.predicted(x[1:2]) == [("b", [{"label": "b", "similarity": 1.0, "probability": None}])]
    replies = service.together(*[("/api/predict", {"vector": row.tolist()}) for row in x])
    assert [each.json["predictions"][0]["label"] for each in replies] == ["a", "b", "a", "café"]
    assert replies[0].json["classes"] == 3
    assert (
        service.post("/api/teach", {"label": "cafe\u0301", "vector": x[3].tolist()}).json["classes"][0]["examples"] == 2
    )
    assert service.post("/api/forget", {"label": "b"}).json["classes"] == []
    assert service.post("/api/forget", {"label": "b"}).status == 409
    shown = service.get("/api/memory").json
    assert sharded.classes == {"a": 2, "café": 2}
    assert (shown["events"], shown["class_count"], shown["features"]) == (before["events"] + 3, 2, FEATURES)
    assert not any(shown[each] for each in ("cells", "kept_in_file", "corrections", "familiarity"))
    assert f'insitu_memory_classes{{memory=""}} {len(sharded.memory)}' in service.get("/metrics").body.decode()
    assert service.get("/api/health").json["status"] == "ok"


@pytest.mark.slow
@pytest.mark.filterwarnings("ignore")
def test_what_it_cannot_do_is_refused_in_one_sentence_and_changes_nothing(sharded: Sharded) -> None:
    sharded.teach(["a"], np.eye(FEATURES)[:1])
    before, service = sharded.service.get("/api/memory").json, sharded.service
    replies = [service.post(f"/api/{path}", body) for path, body in REFUSED]
    replies += [service.get(f"/api/{path}", "label=a") for path in ("cells", "taught", "backup")]
    assert [reply.status for reply in replies] == [409] * len(replies)
    assert {reply.json["detail"] for reply in replies} == {sharded_backend.UNABLE}
    wrong = [
        ({"label": "a", "vector": [1.0]}, "have 4 components; got 1"),
        ({"label": "a", "image": "data:image/png;base64,AAAA"}, "takes vectors"),
        ({"label": "\u202e", "vector": [1.0] * FEATURES}, "control or invisible"),
    ]
    for body, said in wrong:
        reply = service.post("/api/teach", body)
        assert (reply.status, said in reply.json["detail"]) == (422, True)
    assert service.get("/api/memory").json == before


@pytest.mark.slow
@pytest.mark.filterwarnings("ignore")
def test_an_actor_killed_while_it_is_taught_loses_nothing_acknowledged(sharded: Sharded) -> None:
    x, killed = vectors(160), sharded.in_shard(0, lambda _: os.getpid())
    for start in range(0, len(x), 4):
        if start == 80:
            threading.Timer(0.005, os.kill, (killed, signal.SIGKILL)).start()
        names = [f"class {row // 2}" for row in range(start, start + 4)]
        assert sharded.teach(names, x[start : start + 4]).status == 200
    assert sharded.in_shard(0, lambda _: os.getpid()) != killed
    assert {sharded.classes[f"class {number}"] for number in range(80)} == {2}
    assert sharded.classes == sharded.stored
    assert len(sharded.stored) == 80
    assert [label for label, _ in sharded.predicted(x[:64])] == nearest(x, 64)


@pytest.mark.slow
@pytest.mark.filterwarnings("ignore")
def test_a_shard_whose_disk_is_full_gives_507_and_counts_are_those_of_the_shards(sharded: Sharded) -> None:
    """Of a change of both shards, one has stored its part: the counts say so."""
    names = {sharded.memory._shard_of(name): name for name in map(str, range(64))}
    x, before = vectors(2), sharded.classes

    def fill(shard: Any) -> None:
        def append(*_: Any) -> None:
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

        shard.log.append = append

    sharded.in_shard(1, fill)
    reply = sharded.teach([names[0], names[1]], x)
    sharded.in_shard(1, lambda shard: shard.log.__dict__.pop("append"))
    assert (reply.status, "disk is full" in reply.json["detail"]) == (507, True)
    after = sharded.classes
    assert after == {**before, names[0]: before.get(names[0], 0) + 1}
    assert sharded.teach([names[1]], x[1:]).json["classes"] == [{"label": names[1], "examples": 1}]
    assert sharded.classes == sharded.stored == {**after, names[1]: 1}


@pytest.mark.slow
@pytest.mark.filterwarnings("ignore")
def test_long_lists_are_cut_to_the_latest(sharded: Sharded, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sharded_backend, "LISTED", 2)
    for name in ("old", "older", "newer", "old"):
        sharded.teach([name], vectors(1))
    shown = sharded.service.get("/api/memory").json
    assert [each["label"] for each in shown["classes"]] == ["newer", "old"]
    assert shown["class_count"] == len(sharded.memory) == 3


@pytest.mark.slow
@pytest.mark.filterwarnings("ignore")
def test_a_shard_that_stays_lost_gives_503(sharded: Sharded) -> None:
    import ray

    ray.kill(sharded.memory._shards[0])  # and not started again
    for path, body in (
        ("teach", {"label": "a", "vector": [1.0] * FEATURES}),
        ("predict", {"vector": [1.0] * FEATURES}),
    ):
        reply = sharded.service.post(f"/api/{path}", body)
        if path == "predict" or sharded.memory._shard_of("a") == 0:
            assert (reply.status, reply.headers["retry-after"]) == (503, "5")
            assert "shard of the memory is lost" in reply.json["detail"]


@pytest.mark.parametrize("held", [["a", "7", "é"], [7, -1], [0.5, 1e300, 7.0], [True, False]])
@pytest.mark.parametrize(
    "name", ["a", " a", "7", "07", " 7 ", "é", "e\u0301", "-1", "0.5", "1e+300", "True", "False", ""]
)
def test_a_name_is_found_as_among_few_labels(held: list[Any], name: str) -> None:
    found = labels.find_counted(name, type(held[0]), lambda label: int(label in held))
    assert (found, type(found)) == ((wanted := labels.find_label(held, name)), type(wanted))


def test_a_name_that_breaks_the_rules_is_found_by_exactly_its_text() -> None:
    held = ["e\u0301 ", "x" * 1000]
    assert [labels.find_counted(name, str, held.count) for name in (*held, "é")] == [*held, None]
