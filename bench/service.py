"""How the service holds under load, how soon it starts, and how much memory it takes.

usage: python bench/service.py [--seconds 60] [--runs 5] [--predict 200] [--teach 20] [--connections 16] [--out FILE]

The server is 'insitu serve' of a memory in a file, vectors of 512 numbers, 50 classes taught beforehand; one in twenty
teachings brings a new class. Requests are due at fixed times, and how long one takes is counted from when it was due:
what waits because others are slow counts as slow. Then the rate of predictions alone is raised, 10 s each, until 99 of
100 take longer than 50 ms. Wanted: in each run, 99 of 100 predictions within 25 ms and teachings within 100 ms, without
an error; 1 000 predictions a second; the first word after 0.3 s, ready after 3 s; 300 MiB with one memory, 600 MiB with
twenty.
"""

from __future__ import annotations

import argparse
import asyncio
import datetime
import gc
import json
import os
import subprocess
import sys
import tempfile
import time
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from _service_load import Load
from insitu import Memory
from insitu.report import environment

WANTED = {
    "predict_p99_ms": 25.0,
    "teach_p99_ms": 100.0,
    "errors": 0,
    "predictions_per_s": 1000,
    "first_word_s": 0.3,
    "ready_s": 3.0,
    "one_memory_mib": 300,
    "twenty_memories_mib": 600,
}
RATES = (200, 400, 600, 800, 1000, 1250, 1500, 2000, 2500)
RATE_S, RATE_P99_MS = 10.0, 50.0
IDLE_S = 4.0  # before the memory that idle processes take is read


class Server:
    """``insitu serve`` with the times of its first line and of being ready."""

    def __init__(self, path: Path, *words: str) -> None:
        begun = time.perf_counter()
        command = [sys.executable, "-m", "insitu", "serve", str(path), "--port", "0", "--rate", "0", *words]
        self.process = subprocess.Popen(command, stdout=subprocess.PIPE, text=True)
        assert self.process.stdout is not None
        self.first_word_s, lines = 0.0, []
        for line in self.process.stdout:
            self.first_word_s = self.first_word_s or time.perf_counter() - begun
            lines.append(line)
            if line.startswith("ready"):
                break
        self.ready_s = time.perf_counter() - begun
        page = next(line for line in lines if "http://" in line)
        self.port = int(page.rstrip("/\n").rpartition(":")[2])

    @property
    def processes(self) -> list[int]:
        """The server's processes."""
        children = Path(f"/proc/{self.process.pid}/task/{self.process.pid}/children").read_text().split()
        return [self.process.pid, *map(int, children)]

    def cpu_s(self) -> float:
        """Return the processor time of all processes so far."""
        fields = [Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split() for pid in self.processes]
        return sum(int(used[11]) + int(used[12]) for used in fields) / os.sysconf("SC_CLK_TCK")

    def memory_mib(self) -> dict[str, int]:
        """Return resident memory of all processes, and what of it is theirs alone."""
        out = {"resident": 0, "private": 0}
        for pid in self.processes:
            for line in Path(f"/proc/{pid}/smaps_rollup").read_text().splitlines()[1:]:
                name, kib = line.split()[:2]
                out["resident"] += int(kib) * (name == "Rss:")
                out["private"] += int(kib) * name.startswith("Private_")
        return {name: kib // 1024 for name, kib in out.items()}

    def stop(self) -> int:
        """Stop the server, and return its exit code."""
        self.process.terminate()
        return self.process.wait(60)


@contextmanager
def serving(path: Path, *words: str) -> Iterator[Server]:
    server = Server(path, *words)
    try:
        yield server
    finally:
        server.stop()


def run(folder: Path, seed: int, given: argparse.Namespace) -> dict[str, Any]:
    path = folder / f"run{seed}.insitu"
    with serving(path, "--encoder", "none") as server:
        load = Load(server.port, given.connections, seed)

        async def offered() -> float:
            await load.prepare()
            spent = server.cpu_s()
            await load.run(given.seconds, {"predict": given.predict, "teach": given.teach})
            return server.cpu_s() - spent

        client_s = time.process_time()
        server_s = asyncio.run(offered())
        out = load.figures() | {
            "errors": sum(count for status, count in load.statuses.items() if status != 200),
            "right": round(load.right / max(1, len(load.taken_ms["predict"])), 4),
            "server_cpu_s": round(server_s, 1),
            "client_cpu_s": round(time.process_time() - client_s, 1),
            "memory_mib": server.memory_mib(),
            "load_average": round(os.getloadavg()[0], 2),
        }
        return out | {"stopped_with": server.stop()}


def ceiling(folder: Path, given: argparse.Namespace) -> list[dict[str, Any]]:
    """Return for rising rates of predictions how long they take."""
    out: list[dict[str, Any]] = []
    with serving(folder / "ceiling.insitu", "--encoder", "none") as server:
        load = Load(server.port, 64, 0)
        asyncio.run(load.prepare())
        for rate in RATES:
            load = Load(server.port, 64, 0)
            asyncio.run(load.run(RATE_S, {"predict": rate}))
            found = load.figures()["predict"]
            errors = sum(count for status, count in load.statuses.items() if status != 200)
            out.append({"rate": rate, "errors": errors} | found)
            if errors or found["p99_ms"] > RATE_P99_MS:
                break
    return out


def footprint(folder: Path) -> dict[str, Any]:
    """Return the memory with one idle memory, and with twenty of 50 classes that were each used once."""
    with serving(folder / "one.insitu", "--encoder", "none") as server:
        load = Load(server.port, 1, 0)
        asyncio.run(load.prepare())
        time.sleep(IDLE_S)
        one = server.memory_mib()
    many = folder / "many"
    many.mkdir()
    for number in range(20):
        with Memory.open(folder / "one.insitu") as memory, Memory.open(many / f"m{number}.insitu") as other:
            other.merge(memory)
    with serving(many) as server:
        for number in range(20):
            urllib.request.urlopen(f"http://127.0.0.1:{server.port}/m/m{number}/api/memory").read()
        time.sleep(IDLE_S)
        return {"one_memory_mib": one, "twenty_memories_mib": server.memory_mib()}


def start_up(folder: Path) -> dict[str, float]:
    """Return the times of a second start, with compiled code in its caches."""
    for _ in range(2):
        with serving(folder / "start.insitu", "--encoder", "none") as server:
            times = {"first_word_s": round(server.first_word_s, 2), "ready_s": round(server.ready_s, 2)}
    return times


def main() -> int:
    parser = argparse.ArgumentParser()
    parser.add_argument("--seconds", type=float, default=60)
    parser.add_argument("--runs", type=int, default=5)
    parser.add_argument("--predict", type=float, default=200)
    parser.add_argument("--teach", type=float, default=20)
    parser.add_argument("--connections", type=int, default=16)
    parser.add_argument("--out", type=Path, default=Path(__file__).parent / "results" / "service.json")
    given = parser.parse_args()
    load_before = round(os.getloadavg()[0], 2)
    gc.freeze()  # a collection among the objects of this process's libraries would count as a pause of the server
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        started = start_up(folder)
        runs = [run(folder, seed, given) for seed in range(given.runs)]
        rising, taken = ceiling(folder, given), footprint(folder)
    held = [each["rate"] for each in rising if not each["errors"] and each["p99_ms"] <= RATE_P99_MS]
    found = {
        "predict_p99_ms": max(each["predict"]["p99_ms"] for each in runs),
        "teach_p99_ms": max(each["teach"]["p99_ms"] for each in runs),
        "errors": sum(each["errors"] + abs(each["stopped_with"]) for each in runs),
        "predictions_per_s": max(held, default=0),
        **started,
        **{name: each["resident"] for name, each in taken.items()},
    }
    result = {
        "date": datetime.date.today().isoformat(),
        "machine": environment.machine() | {"load_before": load_before},
        "versions": environment.versions(),
        "offered": {"seconds": given.seconds, "predict_per_s": given.predict, "teach_per_s": given.teach},
        "wanted": WANTED,
        "found": found,
        "met": {
            name: found[name] >= wanted if name == "predictions_per_s" else found[name] <= wanted
            for name, wanted in WANTED.items()
        },
        "runs": runs,
        "rising": rising,
        "footprint": taken,
    }
    print(json.dumps(result, indent=2))
    given.out.write_text(json.dumps(result, indent=2) + "\n")
    return 0 if all(result["met"].values()) else 1


if __name__ == "__main__":
    sys.exit(main())
