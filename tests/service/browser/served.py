"""``insitu serve`` as a process of its own, and requests to it that bypass the page."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
import time
import urllib.request
from dataclasses import dataclass
from pathlib import Path
from typing import Any

STARTS_S = 240  # at most: on a busy machine loops are compiled first
ANSWERS_S = 180  # longest wait for an answer; a loaded machine takes minutes where a quiet one takes seconds


@dataclass
class Server:
    """Where a memory is served, and a way round the page to it."""

    address: str
    token: str | None = None

    def ask(self, path: str, body: object = None) -> Any:
        data = None if body is None else json.dumps(body).encode()
        request = urllib.request.Request(self.address + path, data, {"Content-Type": "application/json"})
        if self.token:
            request.add_header("Authorization", f"Bearer {self.token}")
        with urllib.request.urlopen(request, timeout=ANSWERS_S) as answer:
            return json.load(answer)

    @property
    def classes(self) -> dict[str, int]:
        return {each["label"]: each["examples"] for each in self.ask("/api/memory")["classes"]}


class Starting:
    """``insitu serve`` on a fresh store in ``folder`` and a free port; it need not be waited for at once."""

    def __init__(self, folder: Path, *words: str) -> None:
        command = [sys.executable, "-m", "insitu", "serve", str(folder / "taught.insitu"), "--port", "0", *words]
        threads = {"OMP_NUM_THREADS": "1", "NUMBA_NUM_THREADS": "1", "PYTHONUNBUFFERED": "1"}
        self._log = folder / "serve.log"
        with self._log.open("w") as out:
            self._process = subprocess.Popen(command, stdout=out, stderr=subprocess.STDOUT, env=os.environ | threads)

    def address(self) -> str:
        until = time.monotonic() + STARTS_S
        while not (said := re.search(r"http://[\w.:]+(?=/)", self._log.read_text())):
            assert self._process.poll() is None, self._log.read_text()
            assert time.monotonic() < until, f"no server within {STARTS_S} s: {self._log.read_text()}"
            time.sleep(0.1)
        return said[0]

    def stop(self) -> None:
        self._process.terminate()

    def stopped(self) -> None:
        assert self._process.wait(60) == 0, self._log.read_text()
        assert "Traceback" not in self._log.read_text(), self._log.read_text()
