"""Storage: acknowledged events are durable, never partial; one writer, many readers; damage is detected."""

from __future__ import annotations

import os
import resource
import shutil
import signal
import sqlite3
import tempfile
import threading
from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
import pytest
from killing import kill
from points import answers, some

from insitu import Memory
from insitu.core import InsituError
from insitu.memory.storage import maintenance, schema
from insitu.memory.storage.store import Store
from insitu.substrates.crossbar import Crossbar


@pytest.mark.parametrize("substrate", [None, "digital", Crossbar(tile=64), "pcm-hermes2022"], ids=str)
def test_a_memory_goes_on_where_it_was_closed(path: Path, substrate: object) -> None:
    beside = Memory(substrate, dim=64)  # type: ignore[arg-type]
    for number in range(4):
        with Memory.open(path, substrate=substrate, dim=64) as memory:
            for each in (memory, beside):
                each.partial_fit(*some([number, number + 1]))
                if number == 2:
                    each.forget("class 1").age(1e5)
    with Memory.open(path, readonly=True) as memory:
        assert np.array_equal(answers(memory), answers(beside))
        assert memory.cost() == beside.cost()
        assert memory.now_s_ == 1e5


def test_only_what_changed_is_written(path: Path) -> None:
    with Memory.open(path, dim=512) as memory:
        memory.fit(*some(list(range(10))))
        memory.partial_fit(*some([1], 1))
        before = memory._store._connection.total_changes  # type: ignore[union-attr]
        memory.partial_fit(*some([1], 1, seed=2))
        rows = memory._store._connection.total_changes - before  # type: ignore[union-attr]
    assert rows < 40, "one column of each array of cells, and what is small"


def test_who_taught_what_when_is_in_the_journal(taught: Path) -> None:
    opened = Store.open(taught, {}, readonly=True)
    events = list(opened.journal())
    assert [event.kind for event in events] == ["fit", "learn", "forget", "age"]
    assert {event.who for event in events} == {"ann"}
    assert all(event.at.endswith("+00:00") for event in events)
    assert np.array_equal(events[1].arrays["x"], some([3], 2)[0])
    assert (events[2].labels, events[3].seconds) == (["class 1"], 100.0)
    for statement in ("DELETE FROM journal", "UPDATE journal SET who = 'bob'"):
        with sqlite3.connect(taught) as other, pytest.raises(sqlite3.IntegrityError, match="only appended"):
            other.execute(statement)
        other.close()
    opened.close()


def test_killed_at_random_moments_nothing_acknowledged_is_lost(path: Path) -> None:
    outcome = kill(path, moments=15)
    assert (outcome.moments, outcome.lost, outcome.unasked, outcome.corrupt) == (15, 0, 0, 0)
    assert outcome.acknowledged


def test_a_second_writer_is_rejected_and_readers_are_not(taught: Path) -> None:
    with Memory.open(taught) as memory:
        with pytest.raises(InsituError, match="being written by another"):
            Memory.open(taught)
        (taught.parent / "link").symlink_to(taught)
        with pytest.raises(InsituError, match="being written by another"):
            Memory.open(taught.parent / "link")
        readers = [Memory.open(taught, readonly=True) for _ in range(3)]
        memory.partial_fit(*some([7]))
        assert all("class 7" not in reader.classes_ for reader in readers)
        with pytest.raises(InsituError, match="opened with readonly=True"):
            readers[0].partial_fit(*some([7]))
        with Memory.open(taught, readonly=True) as late:
            assert "class 7" in late.classes_
        for reader in readers:
            reader.close()
    with pytest.raises(InsituError, match="was closed"):
        memory.partial_fit(*some([7]))
    Memory.open(taught).close()


def test_threads_teach_one_memory(path: Path) -> None:
    with Memory.open(path, substrate="digital", dim=64) as memory:

        def teach(number: int) -> None:
            for _ in range(5):
                memory.partial_fit(*some([number], 1))
                memory.predict(some([number], 1)[0])

        threads = [threading.Thread(target=teach, args=(number,)) for number in range(4)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        assert memory._model.counts.sum() == 20
    assert maintenance.verify(path) == 20


@pytest.fixture
def small_disk() -> Iterator[Callable[[int], None]]:
    """Files of this process end at so many bytes."""
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    handler = signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
    yield lambda size: resource.setrlimit(resource.RLIMIT_FSIZE, (size, before[1]))
    resource.setrlimit(resource.RLIMIT_FSIZE, before)
    signal.signal(signal.SIGXFSZ, handler)


def test_a_full_disk_is_reported_and_earlier_events_are_intact(taught: Path, small_disk: Callable[[int], None]) -> None:
    with Memory.open(taught) as memory:
        kept, size = 4, taught.stat().st_size
        small_disk(size + 100_000)  # the log next to the file grows to this
        before = answers(memory)
        with pytest.raises(InsituError, match=r"disk is full|I/O error") as caught:  # noqa: PT012  # until it is full
            while True:
                memory.partial_fit(*some([kept % 12], 1, seed=kept))
                kept, before = kept + 1, answers(memory)
        assert isinstance(caught.value.__cause__, OSError)
        assert np.array_equal(answers(memory), before), "a memory knows what its file knows"
        small_disk(2**30)
        memory.partial_fit(*some([5]))  # there is room again
        assert maintenance.verify(taught) == kept + 1


def test_pages_run_out_and_what_was_kept_is_intact(taught: Path) -> None:
    with Memory.open(taught) as memory:
        assert memory._store is not None
        before, run = answers(memory), memory._store._connection.execute
        run(f"PRAGMA max_page_count = {run('PRAGMA page_count').fetchone()[0] + 2}")
        with pytest.raises(InsituError, match="disk is full"):
            memory.partial_fit(*some([8, 9]))
        assert np.array_equal(answers(memory), before)
        run("PRAGMA max_page_count = 100000")
        memory.partial_fit(*some([8]))
    assert maintenance.verify(taught) == 5


def test_a_file_that_is_not_writable_is_reported_and_can_be_read() -> None:
    folder = Path(tempfile.mkdtemp())  # pytest's own folders are closed to other users
    try:
        path = folder / "memory.insitu"
        with Memory.open(path, dim=64) as memory:
            memory.fit(*some([0, 1]))
        path.chmod(0o444)
        folder.chmod(0o555)
        assert _as_nobody(lambda: _refused(path)) == 0
        assert maintenance.verify(path) == 1
    finally:
        folder.chmod(0o755)
        shutil.rmtree(folder)


def _refused(path: Path) -> None:
    for place in (path, path.parent / "another.insitu"):
        with pytest.raises(InsituError, match="not writable"):
            Memory.open(place)
    with Memory.open(path, readonly=True) as memory:
        assert len(memory.classes_) == 2


def _as_nobody(act: Callable[[], None]) -> int:
    """Return the exit code of ``act`` in a process without the rights of an administrator."""
    import warnings

    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DeprecationWarning)  # about forks with threads, of which the child uses none
        child = os.fork()
    if not child:
        code = 1
        try:
            if not os.getuid():
                os.setuid(65534)
            act()
            code = 0
        finally:
            os._exit(code)
    return os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])


def test_tables_of_an_older_version_are_renewed_and_of_a_newer_one_refused(
    taught: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with Memory.open(taught, readonly=True) as memory:
        before = answers(memory)
    with monkeypatch.context() as later:
        later.setattr(schema, "STEPS", [*schema.STEPS, "CREATE TABLE notes (text); INSERT INTO notes VALUES ('a;b');"])
        with Memory.open(taught, readonly=True) as memory:
            assert np.array_equal(answers(memory), before), "what is only read stays as it is"
        with Memory.open(taught) as memory:
            assert np.array_equal(answers(memory), before)
            assert memory._store is not None
            assert memory._store._connection.execute("SELECT text FROM notes").fetchall() == [("a;b",)]
        Memory.open(taught).close()
        assert maintenance.verify(taught) == 4
    for readonly in (False, True):
        with pytest.raises(InsituError, match="newer insitu"):
            Memory.open(taught, readonly=readonly)


def test_a_migration_that_fails_leaves_the_old_tables(taught: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with monkeypatch.context() as later:
        later.setattr(schema, "STEPS", [*schema.STEPS, "CREATE TABLE notes (text); CREATE TABLE parts (a);"])
        with pytest.raises(InsituError, match="already exists"):
            Memory.open(taught)
    assert maintenance.verify(taught) == 4


def test_other_parameters_than_it_was_made_with_are_refused(taught: Path) -> None:
    Memory.open(taught, dim=64).close()
    for wrong in ({"dim": 65}, {"substrate": "digital"}, {"random_state": 1}):
        with pytest.raises(InsituError, match="created with another"):
            Memory.open(taught, **wrong)
    with pytest.raises(InsituError, match="no parameter"):
        Memory.open(taught, colour="red")
    Memory.open(taught).close()


def test_a_copy_of_a_memory_in_a_file_is_on_its_own(taught: Path) -> None:
    import pickle

    with Memory.open(taught) as memory:
        copy = pickle.loads(pickle.dumps(memory))  # noqa: S301  # of our own making
        copy.partial_fit(*some([9]))
        assert np.array_equal(answers(memory), answers(Memory.open(taught, readonly=True)))
    assert maintenance.verify(taught) == 4
