"""The load test's connection reconnects after the server closed it while idle, and sends nothing twice."""

from __future__ import annotations

import asyncio
import importlib.util
from pathlib import Path
from typing import Any

import pytest

SCRIPT = Path(__file__).parents[2] / "bench" / "_service_load.py"
ANSWER = b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok"


@pytest.fixture(scope="module")
def load() -> Any:
    spec = importlib.util.spec_from_file_location("load", SCRIPT)
    assert spec is not None
    assert spec.loader is not None
    made = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(made)
    return made


class Answering:
    """A server that closes a connection after some answers, at once or as the next request comes."""

    def __init__(self, answers: int, at_once: bool, part: bytes = b"") -> None:
        self.answers, self.at_once, self.part = answers, at_once, part
        self.heard = 0

    async def __call__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        for number in range(self.answers + 1):
            if number == self.answers and self.at_once:
                break
            await reader.readuntil(b"\r\n\r\n")
            if number == self.answers:
                writer.write(self.part)
                break
            self.heard += 1
            writer.write(ANSWER)
        writer.close()


def asked(load: Any, server: Answering, times: int) -> list[tuple[int, bytes]]:
    async def run() -> list[tuple[int, bytes]]:
        listening = await asyncio.start_server(server, "127.0.0.1", 0)
        connection = load.Connection(listening.sockets[0].getsockname()[1])
        out = []
        try:
            for _ in range(times):
                out.append(await connection.post("/api/predict", b""))
                await asyncio.sleep(0.02)  # idle, so that the end of the connection arrives
        finally:
            connection.close()
            listening.close()
            await asyncio.sleep(0.02)
        return out

    return asyncio.run(run())


@pytest.mark.parametrize("at_once", [True, False])
def test_a_connection_that_was_closed_is_made_again(load: Any, at_once: bool) -> None:
    server = Answering(2, at_once)
    assert asked(load, server, 5) == [(200, b"ok")] * 5
    assert server.heard == 5


def test_half_an_answer_and_no_answer_at_all_are_errors(load: Any) -> None:
    with pytest.raises(asyncio.IncompleteReadError):
        asked(load, Answering(1, False, ANSWER[:10]), 2)
    with pytest.raises((asyncio.IncompleteReadError, ConnectionError)):
        asked(load, Answering(0, False), 1)
