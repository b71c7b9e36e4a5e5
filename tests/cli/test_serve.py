"""``insitu serve`` as a process: serves a file, requires a token where it should, and stops in order."""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import sys
import time
from concurrent.futures import ThreadPoolExecutor
from ipaddress import ip_address
from pathlib import Path

import pytest
from serve_process import Process, started

from insitu import Memory, service
from insitu.cli.main import main

pytest.importorskip("uvicorn", reason="serving needs the extra 'serve'")

__all__ = ["started"]  # a fixture


def test_a_file_is_served_again_and_to_others_with_a_token_shown_once(started: list[Process], tmp_path: Path) -> None:
    args = ("a.insitu", "--host", "0.0.0.0", "--encoder", "none", "--substrate", "digital")
    kept = tmp_path / "a.insitu.token"
    for number in (signal.SIGTERM, signal.SIGINT):
        service = Process(*args, cwd=tmp_path)
        started.append(service)
        token = kept.read_text().strip()
        assert kept.stat().st_mode & 0o777 == 0o600
        assert {token in page for page in service.pages} == {number == signal.SIGTERM}
        assert [token in line for line in service.lines if line.startswith("token")] == [number == signal.SIGTERM]
        for page in service.pages:  # each is an address that leads here, none 0.0.0.0
            host = page.partition("://")[2].partition(":")[0]
            with socket.create_connection((host, service.port), timeout=20) as reached:
                assert not ip_address(reached.getpeername()[0]).is_unspecified
        assert "127.0.0.1" in service.pages[-1]
        assert service.ask("GET", "/api/memory")[0] == 401
        assert service.ask("GET", "/api/memory", Authorization=f"Bearer {token}x")[0] == 401
        before = service.ask("GET", "/api/memory", Authorization=f"Bearer {token}")[1]["events"]
        example = {"label": "a", "vector": [1.0]}
        after = service.ask("POST", "/api/teach", example, Authorization=f"Bearer {token}")[1]["event"]
        assert after == before + 1
        assert service.stop(number) == (0, "")
    assert (tmp_path / "a.insitu.read-token").stat().st_mode & 0o777 == 0o600
    with Memory.open(tmp_path / "a.insitu") as memory:
        assert (memory.class_count_.tolist(), memory.encoder) == ([2], None)
        assert main(["serve", str(tmp_path / "a.insitu"), "--port", "0"]) == 2, "it has a writer"


@pytest.mark.parametrize("wrong", [["--substrate", "pcn"], ["--encoder", "omnigot"], ["--token-file", "a.insitu/x"]])
def test_a_first_start_that_fails_leaves_nothing(
    tmp_path: Path, wrong: list[str], monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    if "--token-file" in wrong:
        (tmp_path / "plain").write_text("a file, no folder")
        wrong = ["--token-file", "plain/token"]
    assert main(["serve", "a.insitu", "--host", "0.0.0.0", "--port", "0", *wrong])
    assert len(capsys.readouterr().err.splitlines()) == 1
    assert not [each.name for each in tmp_path.iterdir() if each.name.startswith("a.insitu")]


def test_the_corrected_command_makes_what_was_wanted(started: list[Process], tmp_path: Path) -> None:
    command = [sys.executable, "-m", "insitu", "serve", "a.insitu", "--port", "0", "--substrate", "pcm-hermes"]
    assert subprocess.run(command, cwd=tmp_path, capture_output=True, check=False).returncode == 2
    started.append(Process("a.insitu", "--substrate", "pcm-hermes2022", cwd=tmp_path))
    shown = started[0].ask("GET", "/api/memory")[1]
    assert (shown["input"], shown["encoder"], shown["substrate"]) == (
        "drawing",
        "omniglot",
        "crossbar of PcmHermes2022",
    )


def test_a_public_address_asks_for_a_token_and_is_the_one_that_is_shown(started: list[Process], tmp_path: Path) -> None:
    flags = ("--encoder", "none", "--public-url", "https://memory.example.org/", "--trusted-proxy", "127.0.0.1")
    started.append(Process("a.insitu", *flags, cwd=tmp_path))
    token = (tmp_path / "a.insitu.token").read_text().strip()
    assert started[0].pages[0] == f"https://memory.example.org/#token={token}"
    assert started[0].ask("GET", "/api/memory")[0] == 401
    behind = {"Host": "memory.example.org", "Origin": "https://memory.example.org", "X-Forwarded-Proto": "https"}
    example = {"label": "a", "vector": [1.0]}
    assert started[0].ask("POST", "/api/teach", example, Authorization=f"Bearer {token}", **behind)[0] == 200


def test_signals_one_after_the_other_end_it_in_order(started: list[Process], tmp_path: Path) -> None:
    """Whenever the second comes: while the server stops, while the file is closed, while Python shuts down."""
    for number, gap_s in enumerate((0.0, 0.1, 0.3)):
        service = Process("a.insitu", "--encoder", "none", "--substrate", "digital", cwd=tmp_path)
        started.append(service)
        assert service.ask("POST", "/api/teach", {"label": "a", "vector": [1.0]})[1]["event"] == number + 1
        assert service.stop_twice(signal.SIGINT, signal.SIGTERM, gap_s) == (0, "")


def test_a_second_signal_cuts_what_is_still_answered(started: list[Process], tmp_path: Path) -> None:
    service = Process("--encoder", "none", "--substrate", "digital", cwd=tmp_path)
    started.append(service)
    with socket.create_connection(("127.0.0.1", service.port), timeout=30) as slow:
        slow.sendall(b"POST /api/teach HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\n")
        slow.sendall(b"Content-Length: 10\r\n\r\n")  # and no body: it is waited for
        time.sleep(0.5)
        assert service.stop_twice(signal.SIGTERM, signal.SIGINT, 1.0) == (128 + signal.SIGINT, "")


def test_signals_before_it_listens_have_codes_too(tmp_path: Path) -> None:
    for number, code in ((signal.SIGTERM, 143), (signal.SIGINT, 130)):
        command = [sys.executable, "-c", STARTING, "serve", "a.insitu", "--port", "0"]
        process = subprocess.Popen(command, cwd=tmp_path, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
        assert process.stdout is not None
        assert process.stdout.readline() == "binding\n"
        process.send_signal(number)
        process.send_signal(signal.SIGTERM)
        _, error = process.communicate(timeout=60)
        assert process.returncode == code
        assert "Traceback" not in error
    assert not list(tmp_path.iterdir())


# the command, held where it takes longest before it listens
STARTING = """
import sys, time
from insitu.cli.main import main
from insitu.service import listening

def listen(host, port):
    print("binding", flush=True)
    time.sleep(60)

listening.listen = listen
sys.exit(main(sys.argv[1:]))
"""


def test_a_worker_that_is_killed_loses_nothing_that_was_acknowledged(started: list[Process], tmp_path: Path) -> None:
    service = Process("a.insitu", "--encoder", "none", "--substrate", "digital", cwd=tmp_path)
    started.append(service)
    for number in range(3):
        assert service.ask("POST", "/api/teach", {"label": f"{number}", "vector": [number, 1.0]})[0] == 200
    worker = service.worker()
    os.kill(worker, signal.SIGSTOP)  # so that requests are in flight
    with ThreadPoolExecutor(4) as pool:
        waiting = [pool.submit(service.ask, "POST", "/api/predict", {"vector": [1.0, 1.0]}) for _ in range(4)]
        time.sleep(1)
        os.kill(worker, signal.SIGKILL)
        lost = [each.result() for each in waiting]
    assert [status for status, _ in lost] == [503] * 4
    assert "restarted" in lost[0][1]["detail"]
    assert service.ask("GET", "/api/health")[1]["status"] == "starting"
    shown = service.ask("GET", "/api/memory")[1]  # waits for the new worker
    assert ([each["label"] for each in shown["classes"]], shown["events"]) == (["0", "1", "2"], 3)
    assert service.worker() != worker
    assert service.ask("POST", "/api/teach", {"label": "3", "vector": [3.0, 1.0]})[1]["event"] == 4
    assert service.ask("GET", "/api/health")[1]["status"] == "ok"
    code, error = service.stop()
    assert (code, error.count("\n"), "code -9" in error) == (0, 1, True)
    with Memory.open(tmp_path / "a.insitu") as memory:
        assert memory.events_ == 4


def test_a_worker_that_cannot_start_again_ends_the_server(started: list[Process], tmp_path: Path) -> None:
    service = Process("a.insitu", "--encoder", "none", "--substrate", "digital", cwd=tmp_path)
    started.append(service)
    assert service.ask("POST", "/api/teach", {"label": "a", "vector": [1.0]})[0] == 200
    (tmp_path / "a.insitu").write_bytes(b"not of SQLite" * 100)
    os.kill(service.worker(), signal.SIGKILL)
    _, error = service.process.communicate(timeout=60)
    assert service.process.returncode == 2
    assert error.splitlines()[-1].startswith(f"insitu: error: {tmp_path}/a.insitu")
    assert "Traceback" not in error


def test_the_first_words_come_before_anything_slow(tmp_path: Path) -> None:
    """What takes seconds to import is imported by the worker alone."""
    command = [sys.executable, "-c", WITHOUT_SLOW, "serve", "a.insitu", "--port", "0"]
    done = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, check=False)
    assert [line.split()[0] for line in done.stdout.splitlines()] == ["memory", "page", "stop"]
    assert "serving needs" in done.stderr


WITHOUT_SLOW = """
import sys
from insitu.cli.main import main

class Missing:
    def find_spec(self, name, path, target=None):
        if name in {"torch", "numba", "sklearn", "scipy", "numpy", "fastapi", "uvicorn"}:
            raise ModuleNotFoundError(name=name)

sys.meta_path.insert(0, Missing())
sys.exit(main(sys.argv[1:]))
"""


def test_without_a_path_it_says_that_the_memory_will_be_lost(started: list[Process], tmp_path: Path) -> None:
    started.append(Process("--token-file", "mine", cwd=tmp_path))
    assert "lost when the server stops" in started[0].lines[0]
    token = (tmp_path / "mine").read_text().strip()
    shown = started[0].ask("GET", "/api/memory", Authorization=f"Bearer {token}")[1]
    assert (shown["input"], shown["encoder"], shown["kept_in_file"]) == ("drawing", "omniglot", False)


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
        "no encoder": main(["serve", str(tmp_path / "b.insitu"), "--port", "0", "--encoder", "nothing"]),
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
    for name in [each for each in sys.modules if each.startswith("insitu.service.")]:
        monkeypatch.delitem(sys.modules, name)
        monkeypatch.delattr(service, name.rpartition(".")[2], raising=False)
    monkeypatch.setitem(sys.modules, "fastapi", None)
    monkeypatch.setitem(sys.modules, "uvicorn", None)
    assert main(["serve", "--port", "0"]) == 2
    assert "pip install '.[serve]'" in capsys.readouterr().err
