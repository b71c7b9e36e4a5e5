"""Methods of a memory that exchange what was learned with a board that serves an export of it."""

from __future__ import annotations

from abc import ABC, abstractmethod
from contextlib import AbstractContextManager, nullcontext
from typing import TYPE_CHECKING, Self

from insitu.core import InsituError
from insitu.memory.event import Event, merge_event
from insitu.memory.labels import Label, check_same_kind
from insitu.memory.model import Model

if TYPE_CHECKING:
    import threading

    from insitu.board import Board
    from insitu.board.ports import Port


class OnBoard(ABC):
    """Exchange with a board: both directions add what the other side is ahead by, and forget nothing."""

    @property
    @abstractmethod
    def _lock(self) -> threading.RLock: ...

    @abstractmethod
    def _fitted(self) -> Model: ...

    @abstractmethod
    def _apply(self, event: Event) -> Self: ...

    def pull(self, port: str | Port | Board) -> dict[Label, int]:
        """Learn what the board on ``port`` has learned; return the examples learned of each class.

        ``port`` is a serial device or a URL of pyserial. Classes that are not on the board stay. Of a class, the board
        gives number and mean of the examples it is ahead by. Undone as one event.
        """
        from insitu.memory.board_memory import ahead_of, memory_of

        with self._lock:
            model = self._fitted()
            if not len(model.kept):
                raise InsituError("the memory stores no example; open the one that was exported to the board")
            with _board(port) as board:
                _check_features(board, model)
                added = ahead_of(memory_of(board), model)
            if added.labels:
                check_same_kind(model.labels, added.labels)
                self._apply(merge_event(added))
        return dict(zip(added.labels, added.counts.tolist(), strict=True))

    def push(self, port: str | Port | Board) -> dict[Label, int]:
        """Teach the board on ``port`` what this memory has learned; return the examples that each class got there.

        Classes that only the board holds stay. Labels are strings there.
        """
        from insitu.memory.board_memory import memory_of, put_ahead

        model = self._fitted()
        with _board(port) as board:
            _check_features(board, model)
            theirs = memory_of(board)
            more = put_ahead(theirs, model)
            if more:
                board.restore(theirs.block())
        return more


def _board(port: str | Port | Board) -> AbstractContextManager[Board]:
    from insitu.board import Board

    return nullcontext(port) if isinstance(port, Board) else Board(port)


def _check_features(board: Board, model: Model) -> None:
    features = board.info().features
    if features != model.features:
        raise InsituError(f"the board takes {features} inputs, this memory {model.features}; export this memory to it")
