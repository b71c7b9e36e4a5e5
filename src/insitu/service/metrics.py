"""Counts and durations of requests, in the text format of Prometheus."""

from __future__ import annotations

import time
from bisect import bisect_left
from collections import Counter
from dataclasses import dataclass, field

from starlette.types import ASGIApp, Message, Receive, Scope, Send

BOUNDS_S = (0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 10.0)  # of the histogram

Sample = tuple[str, dict[str, str], float]  # name, labels, value


@dataclass
class Metrics:
    """What has been counted since the start."""

    routes: set[str] = field(default_factory=set)  # counted separately; all others are counted together
    requests: Counter[tuple[str, str, int]] = field(default_factory=Counter)  # by method, route and status
    durations: dict[str, list[int]] = field(default_factory=dict)  # of each route, how many per bucket
    seconds: Counter[str] = field(default_factory=Counter)  # of each route, in all

    def count(self, method: str, path: str, status: int, seconds: float) -> None:
        """Count a request."""
        route = path if path in self.routes else "other"
        self.requests[method if method in ("GET", "HEAD", "POST", "DELETE") else "other", route, status] += 1
        self.durations.setdefault(route, [0] * (len(BOUNDS_S) + 1))[bisect_left(BOUNDS_S, seconds)] += 1
        self.seconds[route] += seconds  # type: ignore[assignment]  # a counter of floats

    def text(self, gauges: list[Sample]) -> str:
        """Return everything, and the current values ``gauges``."""
        lines = ["# TYPE insitu_requests_total counter"]
        for (method, route, status), number in sorted(self.requests.items()):
            lines.append(
                _line("insitu_requests_total", {"method": method, "route": route, "status": str(status)}, number)
            )
        lines.append("# TYPE insitu_request_seconds histogram")
        for route, numbers in sorted(self.durations.items()):
            below = 0
            for bound, number in zip([*map(str, BOUNDS_S), "+Inf"], numbers, strict=True):
                below += number
                lines.append(_line("insitu_request_seconds_bucket", {"route": route, "le": bound}, below))
            lines.append(_line("insitu_request_seconds_sum", {"route": route}, self.seconds[route]))
            lines.append(_line("insitu_request_seconds_count", {"route": route}, below))
        last = ""
        for name, labels, value in gauges:
            if name != last:
                lines.append(f"# TYPE {name} {'counter' if name.endswith('_total') else 'gauge'}")
                last = name
            lines.append(_line(name, labels, value))
        return "\n".join(lines) + "\n"


class Measured:
    """Middleware that counts requests; a stream is counted when it begins."""

    def __init__(self, app: ASGIApp, metrics: Metrics) -> None:
        self.app, self.metrics = app, metrics

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass a request on."""
        begun = time.perf_counter()

        async def counted_send(message: Message) -> None:
            if message["type"] == "http.response.start":
                taken = time.perf_counter() - begun
                self.metrics.count(scope["method"], scope["path"], message["status"], taken)
            await send(message)

        await self.app(scope, receive, counted_send)


def _line(name: str, labels: dict[str, str], value: float) -> str:
    # values of labels are names of routes, memories and kinds, which need no escape
    shown = ",".join(f'{key}="{text}"' for key, text in labels.items())
    return f"{name}{{{shown}}} {value:g}" if shown else f"{name} {value:g}"
