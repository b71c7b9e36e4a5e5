"""What can be requested under which address, and the layers that a request passes before it gets there."""

from __future__ import annotations

from importlib.metadata import PackageNotFoundError, version
from typing import Annotated, Any

import numpy as np
from fastapi import FastAPI, Query, Request
from fastapi.routing import APIRoute
from numpy.typing import NDArray
from starlette.responses import Response, StreamingResponse
from starlette.types import ASGIApp

from insitu.app.server import deeds, handwriting, messages, page, pictures, replies, views
from insitu.app.server.access import Access, Rules
from insitu.app.server.description import describe
from insitu.app.server.events import Hub
from insitu.app.server.headers import Headers
from insitu.app.server.keeper import Keeper
from insitu.app.server.limits import Body, Limits, Rate, client_of
from insitu.app.server.problems import Answer, Caught, Refusal, handle
from insitu.app.server.proxies import forwarded

STREAM = "text/event-stream"


def application(keeper: Keeper, hub: Hub, rules: Rules, limits: Limits) -> ASGIApp:
    """Return the service: the routes within the layers that guard them."""
    routed = routes(keeper, hub, limits)
    guarded = Headers(Caught(Rate(Access(Body(routed, limits), rules), limits)))
    return forwarded(guarded, rules.proxies)


def routes(keeper: Keeper, hub: Hub, limits: Limits) -> FastAPI:
    """Return what can be requested, without a guard."""
    app = FastAPI(
        title="insitu",
        version=_version(),
        docs_url=None,
        redoc_url=None,
        default_response_class=Answer,
        redirect_slashes=False,
    )
    handle(app)

    @app.get("/api/health", response_model=replies.Health)
    async def health() -> Response:
        """Say that the service is there."""
        return Answer({"status": "ok", "version": _version()})

    @app.get("/api/memory", response_model=replies.About)
    async def memory() -> Response:
        """Return what the memory is, holds and has spent."""
        return Answer(await keeper.look(lambda: views.about(keeper.memory, keeper.kept, limits)))

    @app.post("/api/teach", response_model=replies.Taught)
    async def teach(sent: messages.Teach) -> Response:
        """Teach examples; what was answered is kept."""
        x = await _given(keeper, sent, limits)
        out, labels = await keeper.change(lambda memory: deeds.taught(memory, sent.names, x, sent.cells))
        hub.tell("learn", deeds.told(out, labels))
        return Answer(out)

    @app.post("/api/predict", response_model=replies.Predictions)
    async def predict(sent: messages.Query) -> Response:
        """Recognise pictures or vectors."""
        x = deeds.checked(keeper.memory, await _given(keeper, sent, limits))
        recall = await keeper.ask(x)
        return Answer(views.predictions(keeper.memory, recall, sent.top_k))

    @app.post("/api/forget", response_model=replies.Forgotten)
    async def forget(sent: messages.Forget) -> Response:
        """RESET a class."""
        out, labels = await keeper.change(lambda memory: deeds.forgotten(memory, sent.label))
        hub.tell("forget", deeds.told(out, labels))
        return Answer(out)

    @app.get("/api/cells", response_model=replies.Cells)
    async def cells(label: Annotated[messages.Known, Query()]) -> Response:
        """Return the devices of a class."""
        return Answer(await keeper.look(lambda: deeds.cells(keeper.memory, label)))

    @app.post("/api/ahead", response_model=replies.Then)
    async def ahead(sent: messages.Ahead) -> Response:
        """Look ahead in time; nothing changes."""
        x = None if sent.item is None else await _given(keeper, sent.item, limits)
        return Answer(await keeper.look(lambda: deeds.ahead(keeper.memory, sent.seconds, x, sent.top_k)))

    @app.get("/api/events", responses={200: {"content": {STREAM: {}}}}, response_class=StreamingResponse)
    async def events(request: Request) -> Response:
        """Stream what happens."""
        headers = {"x-accel-buffering": "no"}  # nginx would hold events back until it has a buffer full of them
        if request.method == "HEAD":
            return Response(media_type=STREAM, headers=headers)
        return StreamingResponse(hub.listen(client_of(request.scope)), media_type=STREAM, headers=headers)

    @app.get("/api/examples", response_model=replies.Examples)
    async def examples() -> Response:
        """Return handwritten characters to try."""
        return Answer(await keeper.look(handwriting.examples))

    @app.get("/", include_in_schema=False)
    @app.get("/static/{name:path}", include_in_schema=False)
    async def static(request: Request, name: str = "index.html") -> Response:
        return page.served(name, request.headers.get("if-none-match", ""))

    describe(app)
    _answer_head(app)  # after the description, which would list every GET twice
    return app


def _answer_head(app: FastAPI) -> None:
    """Let every GET be asked by HEAD too; the server sends no body then."""
    for route in app.routes:
        if isinstance(route, APIRoute) and route.methods and "GET" in route.methods:
            route.methods.add("HEAD")


async def _given(keeper: Keeper, sent: messages.Items, limits: Limits) -> NDArray[Any]:
    """Return what was sent as rows of the kind that the memory takes."""
    urls, rows = sent.pictures, sent.rows
    image = keeper.memory.settings.backbone is not None
    if (urls is not None) != image:
        raise Refusal(422, f"this memory takes {'pictures' if image else 'vectors'}")
    if len(urls or rows or []) > limits.batch:
        raise Refusal(422, f"a request has at most {limits.batch} pictures or vectors")
    if urls is None:
        return np.array(rows, np.float64)
    return await keeper.look(lambda: pictures.stacked(urls, limits))


def _version() -> str:
    try:
        return version("insitu")
    except PackageNotFoundError:
        return "0"
