"""A client that offers load on schedule (open loop): used by ``service.py``."""

from __future__ import annotations

import asyncio
import json
import time
from collections import Counter
from typing import Any

import numpy as np

FEATURES, CLASSES = 512, 50
POOL = 400  # different queries, encoded beforehand, so that the client takes little of the processors


class Connection:
    """One keep-alive connection that sends one request after the other; the server may close it while it is idle."""

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
        """Close the connection, if there is one."""
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
    """Requests, and how they went."""

    def __init__(self, port: int, connections: int, seed: int) -> None:
        self.rng = np.random.default_rng(seed)
        self.centres = np.random.default_rng(0).standard_normal((CLASSES, FEATURES))
        self.pool = [
            (label, json.dumps({"vector": self.vector(label)}).encode()) for label in np.arange(POOL) % CLASSES
        ]
        self.free: asyncio.Queue[Connection] = asyncio.Queue()
        for _ in range(connections):
            self.free.put_nowait(Connection(port))
        self.taken_ms: dict[str, list[float]] = {"predict": [], "teach": []}
        self.statuses: Counter[int | str] = Counter()
        self.right = 0

    def vector(self, label: int) -> list[float]:
        """Return a new example of a class."""
        return [round(x, 5) for x in (self.centres[label] + self.rng.standard_normal(FEATURES)).tolist()]

    async def send(self, kind: str, body: bytes, label: str, due: float) -> None:
        """Send as soon as a connection is free, and note the time from when it was due to the whole answer."""
        connection = await self.free.get()
        try:
            status, answer = await connection.post(f"/api/{kind}", body)
        except (OSError, asyncio.IncompleteReadError) as error:
            self.statuses[type(error).__name__] += 1
        else:
            self.taken_ms[kind].append((time.perf_counter() - due) * 1e3)
            self.statuses[status] += 1
            if kind == "predict" and status == 200:
                self.right += f'"predictions":[{{"label":"{label}"' in answer[:200].decode()
        finally:
            self.free.put_nowait(connection)

    async def prepare(self) -> None:
        """Teach all classes."""
        for label in range(CLASSES):
            many = {"labels": [f"class {label}"] * 5, "vectors": [self.vector(label) for _ in range(5)]}
            await self.send("teach", json.dumps(many).encode(), "", time.perf_counter())
        assert set(self.statuses) == {200}, self.statuses
        self.reset()

    def reset(self) -> None:
        """Forget how requests went so far."""
        self.taken_ms, self.statuses, self.right = {"predict": [], "teach": []}, Counter(), 0

    async def run(self, seconds: float, rates: dict[str, float]) -> None:
        """Send on schedule."""
        schedule = sorted((n / rate, kind) for kind, rate in rates.items() for n in range(int(seconds * rate)))
        start, tasks, taught = time.perf_counter(), [], 0
        for after, kind in schedule:
            if kind == "teach":
                label, taught = int(self.rng.integers(CLASSES)), taught + 1
                name = f"new {taught}" if taught % 20 == 0 else f"class {label}"
                body = json.dumps({"vector": self.vector(label), "label": name}).encode()
            else:
                label, body = self.pool[self.rng.integers(POOL)]
                name = f"class {label}"
            await asyncio.sleep(max(0.0, start + after - time.perf_counter()))
            tasks.append(asyncio.create_task(self.send(kind, body, name, start + after)))
        await asyncio.gather(*tasks)

    def figures(self) -> dict[str, Any]:
        """Return percentiles of each kind."""
        marks = {"p50_ms": 50, "p95_ms": 95, "p99_ms": 99, "most_ms": 100}
        return {
            kind: {name: round(float(np.percentile(taken, mark)), 2) for name, mark in marks.items()}
            | {"requests": len(taken)}
            for kind, taken in self.taken_ms.items()
            if taken
        }
