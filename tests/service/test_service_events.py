"""Events reach every subscriber, in order, and no subscriber delays the others."""

from __future__ import annotations

import asyncio
import json

import pytest
from starlette.exceptions import HTTPException

from insitu.service import events
from insitu.service.events import EventHub


async def taken(hub: EventHub, count: int) -> list[bytes]:
    out: list[bytes] = []
    async for message in hub.subscribe():
        out.append(message)
        if len(out) == count:
            break
    return out


def test_everyone_hears_everything_from_then_on() -> None:
    async def run() -> list[list[bytes]]:
        hub = EventHub(5)
        listening = [asyncio.create_task(taken(hub, 4)) for _ in range(3)]
        await asyncio.sleep(0)
        for number in (1, 2, 3):
            hub.publish("learn", {"event": number, "labels": ["a\nb", "ä"]})
        return await asyncio.gather(*listening)

    for heard in asyncio.run(run()):
        assert heard[0].startswith(b":")
        for number, message in enumerate(heard[1:], 1):
            kind, key, data, *end = message.decode().split("\n")
            assert (kind, key, end) == ("event: learn", f"id: {number}", ["", ""])
            assert json.loads(data.removeprefix("data: ")) == {"event": number, "labels": ["a\nb", "ä"]}


def test_a_silent_stream_says_that_it_lives_and_ends_when_the_server_stops() -> None:
    async def run() -> list[bytes]:
        hub = EventHub(5, keep_alive_s=0.01)
        listening = asyncio.create_task(taken(hub, 1000))
        await asyncio.sleep(0.1)
        hub.close()
        return await listening

    assert asyncio.run(run())[1] == b": alive\n\n"


def test_who_falls_behind_is_let_go(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(events, "MOST_PENDING", 4)

    async def run() -> tuple[list[bytes], int]:
        hub = EventHub(5)
        slow = hub.subscribe()
        await anext(slow)
        for number in range(10):
            hub.publish("learn", {"event": number})
        return [message async for message in slow], len(hub._queues)

    heard, left = asyncio.run(run())
    assert len(heard) < 4
    assert not left


def test_who_leaves_is_forgotten() -> None:
    async def run() -> int:
        hub = EventHub(2)
        for _ in range(3):
            stream = hub.subscribe()
            await anext(stream)
            await stream.aclose()  # type: ignore[attr-defined]
        hub.subscribe()  # never begun
        return len(hub._queues)

    assert asyncio.run(run()) == 0


def test_many_who_come_at_once_are_not_more_than_the_limit() -> None:
    async def run() -> int:
        hub = EventHub(5)
        streams = [hub.subscribe(f"client {n}") for n in range(12)]  # all asked before any has begun
        begun = await asyncio.gather(*(anext(stream, None) for stream in streams))
        return sum(message is not None for message in begun)

    assert asyncio.run(run()) == 5


def test_a_stream_that_begins_when_the_server_stops_ends_at_once() -> None:
    async def run() -> bytes | None:
        hub = EventHub(5)
        late = hub.subscribe()
        hub.close()
        return await anext(late, None)

    assert asyncio.run(run()) is None


def test_one_client_has_at_most_half_of_the_streams() -> None:
    async def run() -> tuple[int, int]:
        hub = EventHub(6)
        greedy = [hub.subscribe("greedy") for _ in range(6)]
        begun = await asyncio.gather(*(anext(stream, None) for stream in greedy))
        with pytest.raises(HTTPException) as caught:
            hub.subscribe("greedy")
        assert caught.value.status_code == 429
        others = [hub.subscribe("another") for _ in range(3)]
        heard = await asyncio.gather(*(anext(stream, None) for stream in others))
        return tuple(sum(message is not None for message in each) for each in (begun, heard))  # type: ignore[return-value]

    assert asyncio.run(run()) == (3, 3)
