"""A board that serves an exported memory over a serial line; the protocol is in docs/board.md."""

from insitu.board.client import Board, Info, Prediction

__all__ = ["Board", "Info", "Prediction"]
