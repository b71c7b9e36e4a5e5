"""The worker: messages, turns, batches."""

from __future__ import annotations

import threading
import time
from typing import Any

import numpy as np
import pytest
from asking import Serve
from hypothesis import given
from hypothesis import strategies as st

from insitu import Memory
from insitu.memory.storage.store import Store
from insitu.service.worker import engine
from insitu.service.worker.messages import Unpacker, pack
from insitu.service.worker.turn import Turn

PLAIN = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text() | st.binary(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3),
    max_leaves=8,
)


@given(messages=st.lists(st.tuples(PLAIN, PLAIN), max_size=5), cuts=st.lists(st.integers(0, 400), max_size=8))
def test_messages_arrive_as_they_were_however_they_are_cut(
    messages: list[tuple[object, object]], cuts: list[int]
) -> None:
    whole = b"".join(map(pack, messages))
    ends = [0, *sorted(min(cut, len(whole)) for cut in cuts), len(whole)]
    unpacker = Unpacker()
    found = [each for start, end in zip(ends, ends[1:], strict=False) for each in unpacker.feed(whole[start:end])]
    assert found == messages


def test_one_thread_computes_at_a_time_and_nobody_twice_in_a_row() -> None:
    turn, order, running = Turn(), [], []

    def work(name: str) -> None:
        for _ in range(20):
            with turn.taken(10):
                assert not running
                running.append(name)
                time.sleep(0.001)
                order.append(running.pop())

    threads = [threading.Thread(target=work, args=(name,)) for name in "ab"]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    both = "".join(order[1:39])  # while both have work
    assert max(both.count("ab"), both.count("ba")) >= 15


def test_who_is_out_of_patience_computes_too_and_what_is_lent_is_free() -> None:
    turn = Turn()
    inside, done = threading.Event(), threading.Event()

    def hold(lend: bool) -> None:
        with turn.taken(1):
            if lend:
                with turn.lent():
                    inside.set()
                    done.wait(10)
            else:
                inside.set()
                done.wait(10)

    for lend, waits in ((False, True), (True, False)):
        inside.clear(), done.clear()
        thread = threading.Thread(target=hold, args=(lend,))
        thread.start()
        inside.wait(10)
        begun = time.monotonic()
        with turn.taken(0.3):
            assert (time.monotonic() - begun >= 0.3) == waits
        done.set()
        thread.join()


def test_queries_are_answered_while_a_change_waits_for_the_disk(
    serve: Serve, tmp_path: object, monkeypatch: pytest.MonkeyPatch
) -> None:
    memory = Memory.open(f"{tmp_path}/a.insitu", substrate="digital", dim=8)
    memory.partial_fit([[1.0, 0.0]], ["a"])
    service = serve(memory)
    committing, answered = threading.Event(), threading.Event()
    real, query = Store._commit, memory.query

    def slow(self: Store, *args: object) -> None:
        with self.committing():
            committing.set()
            assert answered.wait(10)
        real(self, *args)  # type: ignore[arg-type]

    def noted(x: object, **more: object) -> object:
        committing.wait(10)
        out = query(x, **more)  # type: ignore[arg-type]
        answered.set()
        return out

    monkeypatch.setattr(Store, "_commit", slow)
    monkeypatch.setattr(memory, "query", noted)
    monkeypatch.setitem(engine.PATIENCE_S, "query", 60.0)
    teach = ("/api/teach", {"label": "b", "vector": [0.0, 1.0]})
    replies = service.together(teach, ("/api/predict", {"vector": [1.0, 0.0]}))
    assert [reply.status for reply in replies] == [200, 200]


def test_waiting_queries_are_one_product_and_each_gets_its_own_rows(
    serve: Serve, monkeypatch: pytest.MonkeyPatch
) -> None:
    centres = np.eye(12)
    memory = Memory("digital", dim=16).fit(centres, np.arange(12).astype(str))
    sizes: list[int] = []
    query = memory.query

    def noted(x: np.ndarray, **more: Any) -> object:
        sizes.append(len(x))
        time.sleep(0.05)
        return query(x, **more)

    monkeypatch.setattr(memory, "query", noted)
    replies = serve(memory).together(*[("/api/predict", {"vector": row.tolist()}) for row in centres])
    assert [reply.json["predictions"][0]["label"] for reply in replies] == [str(n) for n in range(12)]
    assert sum(sizes) == 12
    assert len(sizes) <= 4


def test_a_change_is_made_after_freed_memory_was_returned(serve: Serve, monkeypatch: pytest.MonkeyPatch) -> None:
    returned = threading.Event()
    monkeypatch.setattr(engine, "IDLE_S", 0.01)
    monkeypatch.setattr(engine, "_return_free_pages", returned.set)
    memory = Memory("digital")
    service = serve(memory)
    for label in ("a", "b"):
        assert returned.wait(10)
        returned.clear()
        assert service.post("/api/teach", {"label": label, "vector": [1.0, 2.0]}).status == 200
    assert list(memory.classes_) == ["a", "b"]
