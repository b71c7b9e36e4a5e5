"""The memory between many who ask at once: one thread teaches, one answers, two look; the event loop waits for none.

Questions that come while one is being answered are answered together: a product for sixty-four rows takes hardly
longer than a product for one. Read noise is drawn per product, so an answer under load differs from the same answer
alone by the noise.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from typing import Any, TypeVar

import numpy as np
from numpy.typing import NDArray

from insitu.memory import Memory
from insitu.memory.query import Recall
from insitu.service.errors import Refusal

T = TypeVar("T")
ROWS = 64  # that are answered together
GATHER_S = 0.008  # that pass between answers, so that under load they are given together
WAITING = 512  # questions or changes that may wait; more are told to come back
LOOKS = 64  # looks that may wait: one at all examples kept takes as long as many questions
Question = tuple[NDArray[Any], "asyncio.Future[Recall]"]


class Keeper:
    """Everything but the threads' own work happens in the thread of the event loop."""

    def __init__(self, memory: Memory, kept: bool) -> None:
        self.memory, self.kept = memory, kept  # in a file
        self._teacher, self._answerer = (ThreadPoolExecutor(1, name) for name in ("teach", "answer"))
        self._lookers = ThreadPoolExecutor(2, "look")
        self._changes = self._looks = 0  # that wait or happen
        self._questions: list[Question] = []
        self._answering: asyncio.Task[None] | None = None

    async def change(self, act: Callable[[Memory], T]) -> T:
        """Return what ``act`` makes of the memory; changes happen one after the other."""
        if self._changes >= WAITING:
            raise _busy()
        self._changes += 1
        try:
            return await asyncio.get_running_loop().run_in_executor(self._teacher, act, self.memory)
        finally:
            self._changes -= 1

    async def look(self, act: Callable[[], T]) -> T:
        """Return what ``act`` makes, in a thread of those that change nothing."""
        if self._looks >= LOOKS:
            raise _busy()
        self._looks += 1
        work = asyncio.get_running_loop().run_in_executor(self._lookers, act)
        # counted until it is done or taken back, though who asked may have gone before
        work.add_done_callback(self._looked)
        return await work

    def _looked(self, _: asyncio.Future[Any]) -> None:
        self._looks -= 1

    async def ask(self, x: NDArray[Any]) -> Recall:
        """Return what the memory answers to rows x, of vectors or images."""
        if len(self._questions) >= WAITING:
            raise _busy()
        answer: asyncio.Future[Recall] = asyncio.get_running_loop().create_future()
        self._questions.append((x, answer))
        if self._answering is None:
            self._answering = asyncio.create_task(self._answer())
        return await answer

    def close(self) -> None:
        """Wait for what was begun, and give the file back."""
        for pool in (self._teacher, self._answerer, self._lookers):
            pool.shutdown()
        self.memory.close()

    async def _answer(self) -> None:
        while self._questions:
            batch = self._next()
            try:
                await self._answered(batch)
            except Exception as error:
                if len(batch) == 1:
                    _fail(batch[0], error)
                else:  # what one of them did wrong is nobody else's error
                    for one in batch:
                        try:
                            await self._answered([one])
                        except Exception as its:
                            _fail(one, its)
            await asyncio.sleep(GATHER_S)
        self._answering = None

    def _next(self) -> list[Question]:
        """Take questions whose rows have one shape and kind, the first that waits among them."""
        shape, kind = self._questions[0][0].shape[1:], self._questions[0][0].dtype
        batch: list[Question] = []
        rest: list[Question] = []
        rows = 0
        for question in self._questions:
            x = question[0]
            if x.shape[1:] == shape and x.dtype == kind and (not batch or rows + len(x) <= ROWS):
                batch.append(question)
                rows += len(x)
            else:
                rest.append(question)
        self._questions = rest
        return batch

    async def _answered(self, batch: list[Question]) -> None:
        x = np.concatenate([x for x, _ in batch]) if len(batch) > 1 else batch[0][0]
        whole = await asyncio.get_running_loop().run_in_executor(self._answerer, self.memory.recall, x)
        start = 0
        for rows, answer in batch:
            part = replace(whole, similarities=whole.similarities[start : start + len(rows)])
            start += len(rows)
            if not answer.done():
                answer.set_result(part)


def _fail(question: Question, error: Exception) -> None:
    if not question[1].done():
        question[1].set_exception(error)


def _busy() -> Refusal:
    return Refusal(429, "the memory is busy; come back in a second", {"retry-after": "1"})
