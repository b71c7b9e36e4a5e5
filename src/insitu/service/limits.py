"""Limits of requests, and the rate of each client."""

from __future__ import annotations

import time
from collections import OrderedDict
from collections.abc import Callable
from dataclasses import dataclass


@dataclass(frozen=True)
class Limits:
    """Limits for one client; ``/api/memory`` returns those that the page needs."""

    rate: float = 400.0  # requests per second of one address; 0 for no limit
    body_bytes: int = 4 * 2**20
    body_s: float = 10.0  # for the whole body to arrive
    copy_bytes: int = 64 * 2**20  # of the file of a memory
    copy_s: float = 60.0  # for it to arrive
    image_bytes: int = 2**20
    image_pixels: int = 2**22
    sound_bytes: int = 2**20
    sound_s: float = 30.0
    batch: int = 64  # items of a request
    listeners: int = 64  # subscribers of events, of all clients together


class TokenBuckets:
    """One token bucket per client: filled at ``rate``, holds two seconds' worth; the least recent are dropped."""

    SECONDS, CLIENTS = 2.0, 4096

    def __init__(self, rate: float, clock: Callable[[], float] = time.monotonic) -> None:
        self._rate, self._clock = rate, clock
        self._buckets: OrderedDict[str, tuple[float, float]] = OrderedDict()  # tokens, and when they were counted

    def wait_s(self, client: str) -> float:
        """Take a token and return 0, or return the seconds until there is one."""
        now, most = self._clock(), max(1.0, self._rate * self.SECONDS)
        tokens, then = self._buckets.pop(client, (most, now))
        tokens = min(most, tokens + (now - then) * self._rate)
        self._buckets[client] = (tokens - 1, now) if tokens >= 1 else (tokens, now)
        if len(self._buckets) > self.CLIENTS:
            self._buckets.popitem(last=False)
        return 0.0 if tokens >= 1 else (1 - tokens) / self._rate
