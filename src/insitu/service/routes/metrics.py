"""GET /metrics: counts and durations of requests, queues and memories, for Prometheus."""

from __future__ import annotations

from fastapi import FastAPI
from starlette.responses import PlainTextResponse, Response

from insitu.service.context import Context
from insitu.service.metrics import Sample
from insitu.service.worker.caller import MOST_WAITING

TEXT = "text/plain; version=0.0.4"


def add(app: FastAPI, context: Context) -> None:
    """Add the routes."""

    @app.get("/metrics", responses={200: {"content": {TEXT: {}}}}, response_class=PlainTextResponse)
    async def metrics() -> Response:
        """Return counts and durations of requests, queues and memories, in the text format of Prometheus."""
        return Response(context.metrics.text(_gauges(context)), media_type=TEXT)


def _gauges(context: Context) -> list[Sample]:
    worker = context.worker
    states = sorted(worker.states.items())
    return [
        *(("insitu_waiting", {"kind": kind}, worker.waiting[kind]) for kind in MOST_WAITING),
        ("insitu_worker_ready", {}, worker.ready),
        ("insitu_worker_restarts_total", {}, worker.restarts),
        ("insitu_event_streams", {}, sum(hub.subscribers for hub in context.hubs.values())),
        *(("insitu_memory_events", {"memory": name}, events) for name, (events, _) in states),
        *(("insitu_memory_classes", {"memory": name}, classes) for name, (_, classes) in states),
    ]
