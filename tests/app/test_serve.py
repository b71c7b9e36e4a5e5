"""``insitu serve``: a process of its own that serves a file, asks for a token where it should, and stops in order."""

from __future__ import annotations

import http.client
import json
import os
import signal
import socket
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from insitu import Memory
from insitu.app.main import main

pytest.importorskip("uvicorn", reason="serving needs the extra 'serve'")


class Process:
    """The command, until it says that it listens."""

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
        while not self.lines or not self.lines[-1].startswith("stop"):
            self.lines.append(self.process.stdout.readline())
            assert self.lines[-1], self.process.communicate()[1]
        page = next(line for line in self.lines if line.startswith("page"))
        self.port = int(page.partition("://")[2].partition("/")[0].rpartition(":")[2])

    def ask(self, method: str, path: str, content: Any = None, **headers: str) -> tuple[int, Any]:
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=60)
        body = None if content is None else json.dumps(content)
        connection.request(method, path, body, {"Content-Type": "application/json", **headers})
        reply = connection.getresponse()
        out = reply.status, json.loads(reply.read())
        connection.close()
        return out

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


def test_a_file_is_served_again_and_to_others_with_a_token_shown_once(started: list[Process], tmp_path: Path) -> None:
    args = ("a.insitu", "--host", "0.0.0.0", "--backbone", "none", "--substrate", "digital")
    kept = tmp_path / "a.insitu.token"
    for number, shown in ((signal.SIGTERM, 2), (signal.SIGINT, 0)):
        service = Process(*args, cwd=tmp_path)
        started.append(service)
        token = kept.read_text().strip()
        assert kept.stat().st_mode & 0o777 == 0o600
        assert sum(token in line for line in service.lines) == shown, "alone, and in the address of the page"
        assert service.ask("GET", "/api/memory")[0] == 401
        assert service.ask("GET", "/api/memory", Authorization=f"Bearer {token}x")[0] == 401
        before = service.ask("GET", "/api/memory", Authorization=f"Bearer {token}")[1]["events"]
        example = {"label": "a", "vector": [1.0]}
        after = service.ask("POST", "/api/teach", example, Authorization=f"Bearer {token}")[1]["event"]
        assert after == before + 1
        assert service.stop(number) == (0, "")
    with Memory.open(tmp_path / "a.insitu") as memory:
        assert (memory.class_count_.tolist(), memory.backbone) == ([2], None)
        assert main(["serve", str(tmp_path / "a.insitu"), "--port", "0"]) == 2, "it has a writer"


def test_without_a_path_it_says_that_the_memory_will_be_lost(started: list[Process], tmp_path: Path) -> None:
    started.append(Process("--token-file", "mine", cwd=tmp_path))
    assert "lost when the server stops" in started[0].lines[0]
    token = (tmp_path / "mine").read_text().strip()
    told = started[0].ask("GET", "/api/memory", Authorization=f"Bearer {token}")[1]
    assert (told["input"], told["backbone"], told["kept_in_file"]) == ("image", "omniglot", False)


def test_mistakes_are_one_line(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    with socket.create_server(("127.0.0.1", 0)) as busy:
        port = str(busy.getsockname()[1])
        assert main(["serve", str(tmp_path / "a.insitu"), "--port", port]) == 1
    other = tmp_path / "other.txt"
    other.write_text("not of SQLite" * 100)
    cases = {
        "another --port": 1,
        "0..65535": main(["serve", "--port", "65536"]),
        "rate": main(["serve", "--rate", "-1"]),
        "no backbone": main(["serve", str(tmp_path / "b.insitu"), "--port", "0", "--backbone", "nothing"]),
        "unknown field --prt": main(["serve", "--prt", "1"]),
        "not a memory": main(["serve", str(other), "--port", "0"]),
    }
    lines = capsys.readouterr().err.splitlines()
    assert len(lines) == len(cases)
    for line, (said, code) in zip(lines, cases.items(), strict=True):
        assert said in line
        assert code


def test_a_missing_library_is_named_with_what_installs_it(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    for name in [each for each in sys.modules if each.startswith("insitu.app.server")]:
        monkeypatch.delitem(sys.modules, name)
    monkeypatch.setitem(sys.modules, "fastapi", None)
    monkeypatch.setitem(sys.modules, "uvicorn", None)
    assert main(["serve", "--port", "0"]) == 2
    assert "pip install 'insitu[serve]'" in capsys.readouterr().err
