"""GET /api/events: changes of the memory as server-sent events."""

from __future__ import annotations

from fastapi import FastAPI, Request
from starlette.responses import Response, StreamingResponse

from insitu.service.context import Context
from insitu.service.proxies import client_of

STREAM = "text/event-stream"


def add(app: FastAPI, context: Context) -> None:
    """Add the route."""

    @app.get("/api/events", responses={200: {"content": {STREAM: {}}}}, response_class=StreamingResponse)
    async def events(request: Request) -> Response:
        """Stream changes of the memory."""
        headers = {"x-accel-buffering": "no"}  # nginx would buffer events
        if request.method == "HEAD":
            return Response(media_type=STREAM, headers=headers)
        return StreamingResponse(context.hub.subscribe(client_of(request.scope)), media_type=STREAM, headers=headers)
