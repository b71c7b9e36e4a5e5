"""How the service holds under load: predictions and teachings per second on schedule, from a second process.

usage: python bench/service.py [--seconds 60] [--predict 200] [--teach 20] [--connections 16] [--out FILE]

The server is 'insitu serve' of a memory in a file, vectors of 512 numbers, 50 classes taught beforehand; one in
twenty teachings brings a new class. Requests are due at fixed times, and how long one takes is counted from when it was
due: what waits because others are slow counts as slow. Wanted: no error, and 99 of 100 below 150 ms.
"""

from __future__ import annotations

import argparse
import asyncio
import datetime
import json
import os
import subprocess
import sys
import tempfile
import time
from collections import Counter
from pathlib import Path
from typing import Any

import numpy as np

from insitu.report import environment

FEATURES, CLASSES = 512, 50
BELOW_MS = 150.0


class Connection:
    """One keep-alive connection that asks one thing after the other; the server may close it while it is idle."""

    def __init__(self, port: int) -> None:
        self.port = port
        self.reader: asyncio.StreamReader | None = None

    async def post(self, path: str, body: bytes) -> tuple[int, bytes]:
        """Return the status and the body of the answer; connect again where the server had closed the connection."""
        kept = self.reader is not None and not self.reader.at_eof()
        if not kept:
            self.close()
            self.reader, self.writer = await asyncio.open_connection("127.0.0.1", self.port)
        try:
            return await self._post(path, body)
        except (ConnectionError, asyncio.IncompleteReadError) as error:
            self.close()
            if not kept or getattr(error, "partial", b""):
                raise
        return await self.post(path, body)  # it was closed as this was sent, and nothing of it was answered

    def close(self) -> None:
        """Close the connection, where there is one."""
        if self.reader is not None:
            self.writer.close()
        self.reader = None

    async def _post(self, path: str, body: bytes) -> tuple[int, bytes]:
        assert self.reader is not None
        head = f"POST {path} HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Type: application/json\r\n"
        self.writer.write(f"{head}Content-Length: {len(body)}\r\n\r\n".encode() + body)
        answer = (await self.reader.readuntil(b"\r\n\r\n")).decode().lower()
        length = next(int(line.partition(":")[2]) for line in answer.splitlines() if line.startswith("content-length"))
        out = await self.reader.readexactly(length)
        if "\r\nconnection: close" in answer:
            self.close()
        return int(answer.split(" ", 2)[1]), out


class Load:
    """What is asked, and how it went."""

    def __init__(self, port: int, connections: int) -> None:
        self.rng = np.random.default_rng(0)
        self.centres = self.rng.standard_normal((CLASSES, FEATURES))
        self.free: asyncio.Queue[Connection] = asyncio.Queue()
        for _ in range(connections):
            self.free.put_nowait(Connection(port))
        self.taken_ms: dict[str, list[float]] = {"predict": [], "teach": []}
        self.statuses: Counter[int | str] = Counter()
        self.right = 0

    def vector(self, label: int) -> list[float]:
        """Return a new example."""
        return [round(x, 5) for x in (self.centres[label] + self.rng.standard_normal(FEATURES)).tolist()]

    async def ask(self, kind: str, content: dict[str, Any], label: str, due: float) -> None:
        """Ask as soon as a connection is free, and note how long that took from when it was due."""
        body = json.dumps(content).encode()
        connection = await self.free.get()
        try:
            status, answer = await connection.post(f"/api/{kind}", body)
        except (OSError, asyncio.IncompleteReadError) as error:
            self.statuses[type(error).__name__] += 1
        else:
            self.taken_ms[kind].append((time.perf_counter() - due) * 1e3)
            self.statuses[status] += 1
            if kind == "predict" and status == 200:
                self.right += json.loads(answer)["predictions"][0]["label"] == label
        finally:
            self.free.put_nowait(connection)

    async def prepare(self) -> None:
        """Teach all classes."""
        for label in range(CLASSES):
            many = {"labels": [f"class {label}"] * 5, "vectors": [self.vector(label) for _ in range(5)]}
            await self.ask("teach", many, "", time.perf_counter())
        assert set(self.statuses) == {200}, self.statuses
        self.taken_ms, self.statuses = {"predict": [], "teach": []}, Counter()

    async def run(self, seconds: float, rates: dict[str, float]) -> None:
        """Ask on schedule."""
        schedule = sorted((n / rate, kind) for kind, rate in rates.items() for n in range(int(seconds * rate)))
        start, tasks, taught = time.perf_counter(), [], 0
        for after, kind in schedule:
            label = int(self.rng.integers(CLASSES))
            name = f"class {label}"
            if kind == "teach":
                taught += 1
                name = f"new {taught}" if taught % 20 == 0 else name
            content = {"vector": self.vector(label)} | ({"label": name} if kind == "teach" else {})
            await asyncio.sleep(max(0.0, start + after - time.perf_counter()))
            tasks.append(asyncio.create_task(self.ask(kind, content, name, start + after)))
        await asyncio.gather(*tasks)


def cpu_s(process: int) -> float:
    used = Path(f"/proc/{process}/stat").read_text().rpartition(")")[2].split()
    return (int(used[11]) + int(used[12])) / os.sysconf("SC_CLK_TCK")


def figures(taken_ms: list[float]) -> dict[str, float]:
    marks = {"p50_ms": 50, "p95_ms": 95, "p99_ms": 99, "most_ms": 100}
    return {name: round(float(np.percentile(taken_ms, mark)), 2) for name, mark in marks.items()}


def main() -> int:
    parser = argparse.ArgumentParser()
    parser.add_argument("--seconds", type=float, default=60)
    parser.add_argument("--predict", type=float, default=200)
    parser.add_argument("--teach", type=float, default=20)
    parser.add_argument("--connections", type=int, default=16)
    parser.add_argument("--out", type=Path, default=Path(__file__).parent / "results" / "service.json")
    given = parser.parse_args()
    load_before = round(os.getloadavg()[0], 2)
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "load.insitu"
        command = [
            sys.executable,
            "-m",
            "insitu",
            "serve",
            str(path),
            "--encoder",
            "none",
            "--port",
            "0",
            "--rate",
            "0",
        ]
        server = subprocess.Popen(command, stdout=subprocess.PIPE, text=True)
        try:
            assert server.stdout is not None
            lines = [server.stdout.readline() for _ in range(3)]
            load = Load(int(lines[1].rstrip("/\n").rpartition(":")[2]), given.connections)

            async def all_of_it() -> tuple[float, float]:
                await load.prepare()
                start, spent = time.perf_counter(), cpu_s(server.pid)
                await load.run(given.seconds, {"predict": given.predict, "teach": given.teach})
                return time.perf_counter() - start, cpu_s(server.pid) - spent

            clock_s, server_cpu_s = asyncio.run(all_of_it())
            memory = next(
                line for line in Path(f"/proc/{server.pid}/status").read_text().splitlines() if "VmHWM" in line
            )
        finally:
            server.terminate()
            stopped = server.wait(60)
        size = path.stat().st_size
    found = {kind: figures(taken) | {"asked": len(taken)} for kind, taken in load.taken_ms.items()}
    worst = max(each["p99_ms"] for each in found.values())
    errors = sum(count for status, count in load.statuses.items() if status != 200)
    result = {
        "date": datetime.date.today().isoformat(),
        "machine": environment.machine() | {"load_before": load_before},
        "versions": environment.versions(),
        "wanted": {"below_ms": BELOW_MS, "predict_per_s": given.predict, "teach_per_s": given.teach},
        "clock_s": round(clock_s, 1),
        "found": found,
        "errors": errors,
        "right": round(load.right / max(1, found["predict"]["asked"]), 4),
        "server_cpu_s": round(server_cpu_s, 1),
        "client_cpu_s": round(time.process_time(), 1),
        "server_peak_mib": int(memory.split()[1]) // 1024,
        "file_mib": round(size / 2**20, 1),
        "stopped_with": stopped,
        "verdict": "met" if not errors and worst < BELOW_MS and not stopped else "not met",
    }
    print(json.dumps(result, indent=2))
    given.out.write_text(json.dumps(result, indent=2) + "\n")
    return 0 if result["verdict"] == "met" else 1


if __name__ == "__main__":
    sys.exit(main())
