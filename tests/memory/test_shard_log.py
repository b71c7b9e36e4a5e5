"""The log of a shard gives back every acknowledged change, whatever ended the process that wrote it."""

from __future__ import annotations

import itertools
import os
import random
import signal
import time
import warnings
from contextlib import closing
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from insitu.core import InsituError
from insitu.memory.sharded import log as module
from insitu.memory.sharded.log import FORMAT, HEAD, Log
from insitu.memory.sharded.shard import Shard

FEATURES = 4


def example(event: int) -> tuple[dict[str, Any], Any]:
    about = {"event": event, "kind": "learn", "labels": [f'{{"event": {event}'], "places": [0]}
    return about, np.full((1, FEATURES), event, np.float32)


def events(path: Path) -> list[int]:
    with closing(Log(path)) as log:
        found = [(about["event"], x.tolist()) for about, x in log.records()]
    assert all(x == [[event] * FEATURES] for event, x in found)
    return [event for event, _ in found]


def written(path: Path, count: int) -> bytes:
    with closing(Log(path)) as log:
        for event in range(1, count + 1):
            log.append(*example(event))
    return path.read_bytes()


@pytest.mark.skipif(not hasattr(os, "fork"), reason="forks a writer, which Windows cannot")
def test_every_acknowledged_change_is_there_after_the_writer_was_killed(tmp_path: Path) -> None:
    path, rng, acknowledged = tmp_path / "log", random.Random(0), 0
    for _ in range(20):
        reader, writer = os.pipe()
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", DeprecationWarning)  # of forking where there are threads
            child = os.fork()
        if not child:
            try:
                log = Log(path)
                for event in itertools.count(max((about["event"] for about, _ in log.records()), default=0) + 1):
                    log.append(*example(event))
                    os.write(writer, event.to_bytes(4, "little"))
            finally:
                os._exit(1)
        os.close(writer)
        with os.fdopen(reader, "rb") as answers:
            first = answers.read(4)
            time.sleep(rng.uniform(0, 0.05))
            os.kill(child, signal.SIGKILL)
            os.waitpid(child, 0)
            last = (first + answers.read())[-4:]
        assert len(last) == 4, "the writer ended by itself"
        acknowledged = int.from_bytes(last, "little")
        found = events(path)
        assert found == [*range(1, len(found) + 1)]
        assert acknowledged <= len(found) <= acknowledged + 1  # one may be on disk that had not been acknowledged
    assert acknowledged >= 20


@pytest.mark.parametrize("zeros", [False, True])
def test_a_torn_record_is_cut_off_and_those_before_it_stay(tmp_path: Path, zeros: bool) -> None:
    whole, data = written(tmp_path / "two", 2), written(tmp_path / "three", 3)
    assert data.startswith(whole)
    path = tmp_path / "torn"
    for size in range(len(whole), len(data)):
        path.write_bytes(data[:size] + bytes(len(data) - size if zeros else 0))  # a power cut may leave zeros
        assert events(path) == [1, 2]
        with closing(Log(path)) as log:
            assert len([*log.records()]) == 2
            log.append(*example(3))
        assert events(path) == [1, 2, 3]


def test_damage_that_other_records_follow_is_refused_and_nothing_is_cut_off(tmp_path: Path) -> None:
    path, data = tmp_path / "log", written(tmp_path / "whole", 3)
    second = len(FORMAT) + (len(data) - len(FORMAT)) // 3
    for place in range(len(FORMAT), second):
        damaged = bytearray(data)
        damaged[place] ^= 0x81
        path.write_bytes(damaged)
        with pytest.raises(InsituError, match="is damaged at byte"):
            events(path)
        assert path.read_bytes() == damaged


def test_a_change_that_could_not_be_written_leaves_the_log_as_it_was(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    resource = pytest.importorskip("resource", reason="limits the size of files, which Windows cannot")
    path = tmp_path / "shard"
    with closing(Shard(str(path))) as shard:
        shard.change(*example(1))
        before = shard.summary()
        limits = resource.getrlimit(resource.RLIMIT_FSIZE)
        resource.setrlimit(resource.RLIMIT_FSIZE, (path.stat().st_size + HEAD.size + 5, limits[1]))
        try:
            with pytest.raises(OSError, match="too large"):
                shard.change(*example(2))
        finally:
            resource.setrlimit(resource.RLIMIT_FSIZE, limits)
        with monkeypatch.context() as patch:
            patch.setattr(os, "fsync", failing)
            with pytest.raises(OSError, match="no such disk"):
                shard.change(*example(2))
        assert shard.summary() == before
        shard.change(*example(3))
    assert events(path) == [1, 3]


def failing(_: int) -> None:
    raise OSError("no such disk")


def test_a_change_that_cannot_be_applied_does_not_reach_the_log(tmp_path: Path) -> None:
    path = tmp_path / "shard"
    with closing(Shard(str(path))) as shard:
        shard.change(*example(1))
        with pytest.raises(InsituError, match="vectors of 4 features; X has 3"):
            shard.change(example(2)[0], np.ones((1, 3), np.float32))
        with pytest.raises(InsituError, match="does not hold 'other'"):
            shard.change({"event": 2, "kind": "forget", "labels": ["other"]}, np.ones((0, 4), np.float32))
    assert events(path) == [1]


def test_one_process_writes_a_log(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "LOCK_S", 0.0)
    with closing(Log(tmp_path / "log")), pytest.raises(InsituError, match="is written by another process"):
        Log(tmp_path / "log")
    Log(tmp_path / "log").close()


def test_a_file_of_another_version_is_refused(tmp_path: Path) -> None:
    (tmp_path / "log").write_bytes(b"insitu shard 9\n")
    for _ in range(2):  # the lock is released, too
        with pytest.raises(InsituError, match="is not a shard of this version"):
            Log(tmp_path / "log")


def test_a_memory_that_lacks_the_file_of_a_shard_is_refused_once_something_was_taught(tmp_path: Path) -> None:
    files = module.shard_files(tmp_path, 3)
    Log(files[0]).close()
    assert module.shard_files(tmp_path, 3) == files, "a start was interrupted: nothing is lost"
    with closing(Log(files[1])) as log:
        log.append(*example(1))
    with pytest.raises(InsituError, match="lacks shard-2-of-3, whose classes are in no other file"):
        module.shard_files(tmp_path, 3)
    Log(files[2]).close()
    assert module.shard_files(tmp_path, 3) == files
