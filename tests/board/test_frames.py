"""Frames come back whole, or not at all."""

from __future__ import annotations

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from insitu.board.frames import decoded, encoded

CONTENT = st.one_of(st.binary(min_size=1, max_size=600), st.binary(min_size=250, max_size=260).map(lambda b: b + b"\0"))


@given(CONTENT)
def test_contents_come_back_and_only_the_ends_are_zero(content: bytes) -> None:
    frame = encoded(content)
    assert frame[0] == frame[-1] == 0
    assert 0 not in frame[1:-1]
    assert len(frame) <= len(content) + 4 + 2 + 1 + (len(content) + 4) // 254 + 1
    assert decoded(frame[1:-1]) == content


def test_runs_of_the_longest_length_come_back() -> None:
    rng = np.random.default_rng(0)
    for size in range(240, 270):
        content = bytes(rng.integers(1, 256, size).tolist())
        for each in (content, content + b"\0", b"\0" + content):
            assert decoded(encoded(each)[1:-1]) == each


@given(st.binary(min_size=1, max_size=40), st.integers(0, 10**6), st.integers(1, 255))
def test_a_changed_byte_is_noticed(content: bytes, place: int, change: int) -> None:
    frame = bytearray(encoded(content)[1:-1])
    frame[place % len(frame)] ^= change
    assert decoded(bytes(frame)) is None


@given(st.binary(max_size=80))
def test_any_bytes_are_decoded_or_refused(frame: bytes) -> None:
    content = decoded(frame.replace(b"\0", b"\1"))
    assert content is None or len(content) < len(frame)
