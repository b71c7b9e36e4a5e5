"""A block that is not whole never reaches the board: its checksum is replaced on the way."""

from __future__ import annotations

from typing import Any, cast

import pytest

from insitu.board.checksums import sealed
from insitu.board.client import Board
from insitu.core import InsituError

WHOLE = sealed(bytes(range(100)))


class Silent:
    """A board that notes whether anything was requested."""

    requested = 0

    def _request(self, *_: Any, **__: Any) -> bytes:
        self.requested += 1
        return bytes(4)


def test_a_damaged_block_is_refused_before_anything_is_sent() -> None:
    silent = Silent()
    damaged = [WHOLE[:place] + bytes([WHOLE[place] ^ 1]) + WHOLE[place + 1 :] for place in range(len(WHOLE))]
    for block in [*damaged, WHOLE[:50], b"", b"no block"]:
        with pytest.raises(InsituError, match="no whole block"):
            Board.restore(cast("Board", silent), block)
    assert not silent.requested
    Board.restore(cast("Board", silent), WHOLE)
    assert silent.requested
