"""``insitu serve`` as a process of its own, and requests to it."""

from __future__ import annotations

import http.client
import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest


class Process:
    """The command, until it says that it is ready."""

    def __init__(self, *args: str, cwd: Path) -> None:
        environment = os.environ | {
            "OMP_NUM_THREADS": "1",
            "NUMBA_NUM_THREADS": "1",
            "INSITU_CACHE": str(cwd / "cache"),
        }
        command = [sys.executable, "-W", "error", "-m", "insitu", "serve", *args, "--port", "0"]
        self.process = subprocess.Popen(
            command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, cwd=cwd, env=environment
        )
        self.lines: list[str] = []
        assert self.process.stdout is not None
        while not self.lines or not self.lines[-1].startswith("ready"):
            self.lines.append(self.process.stdout.readline())
            assert self.lines[-1], self.process.communicate()[1]
        self.pages = [line.strip().rpartition(" ")[2] for line in self.lines if "://" in line]
        self.port = int(self.pages[-1].partition("://")[2].partition("/")[0].rpartition(":")[2])

    def ask(self, method: str, path: str, content: Any = None, **headers: str) -> tuple[int, Any]:
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=60)
        body = None if content is None else json.dumps(content)
        connection.request(method, path, body, {"Content-Type": "application/json", **headers})
        reply = connection.getresponse()
        out = reply.status, json.loads(reply.read())
        connection.close()
        return out

    def worker(self) -> int:
        """Return the process that computes."""
        number = self.process.pid
        return int(Path(f"/proc/{number}/task/{number}/children").read_text())

    def stop_twice(self, first: int, second: int, gap_s: float) -> tuple[int, str]:
        self.process.send_signal(first)
        time.sleep(gap_s)
        self.process.send_signal(second)
        _, error = self.process.communicate(timeout=60)
        return self.process.returncode, error

    def stop(self, number: int = signal.SIGTERM) -> tuple[int, str]:
        self.process.send_signal(number)
        _, error = self.process.communicate(timeout=60)
        return self.process.returncode, error


@pytest.fixture
def started(tmp_path: Path) -> Iterator[list[Process]]:
    made: list[Process] = []
    yield made
    for each in made:
        if each.process.poll() is None:
            each.process.kill()
        each.process.communicate()
