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

from insitu.service import actions, image_decoding, reply_schemas, responses, sample_drawings, schemas, static_files
from insitu.service.auth import Access, Rules
from insitu.service.errors import Answer, Caught, Refusal, handle
from insitu.service.events import Hub
from insitu.service.limits import Body, Limits, Rate, client_of
from insitu.service.openapi import describe
from insitu.service.proxies import forwarded
from insitu.service.scheduler import Keeper
from insitu.service.security_headers import Headers

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

    @app.get("/api/health", response_model=reply_schemas.Health)
    async def health() -> Response:
        """Say that the service is there."""
        return Answer({"status": "ok", "version": _version()})

    @app.get("/api/memory", response_model=reply_schemas.About)
    async def memory() -> Response:
        """Return what the memory is, holds and has spent."""
        return Answer(await keeper.look(lambda: responses.about(keeper.memory, keeper.kept, limits)))

    @app.post("/api/teach", response_model=reply_schemas.Taught)
    async def teach(sent: schemas.Teach) -> Response:
        """Teach examples; what was answered is kept."""
        x = await _given(keeper, sent, limits)
        out, labels = await keeper.change(lambda memory: actions.taught(memory, sent.names, x, sent.cells))
        hub.tell("learn", actions.told(out, labels))
        return Answer(out)

    @app.post("/api/predict", response_model=reply_schemas.Predictions)
    async def predict(sent: schemas.Query) -> Response:
        """Recognise pictures or vectors."""
        x = actions.checked(keeper.memory, await _given(keeper, sent, limits))
        recall = await keeper.ask(x)
        return Answer(responses.predictions(keeper.memory, recall, sent.top_k))

    @app.post("/api/forget", response_model=reply_schemas.Forgotten)
    async def forget(sent: schemas.Forget) -> Response:
        """RESET a class."""
        out, labels = await keeper.change(lambda memory: actions.forgotten(memory, sent.label))
        hub.tell("forget", actions.told(out, labels))
        return Answer(out)

    @app.get("/api/cells", response_model=reply_schemas.Cells)
    async def cells(label: Annotated[schemas.Known, Query()]) -> Response:
        """Return the devices of a class."""
        return Answer(await keeper.look(lambda: actions.cells(keeper.memory, label)))

    @app.post("/api/ahead", response_model=reply_schemas.Then)
    async def ahead(sent: schemas.Ahead) -> Response:
        """Look ahead in time; nothing changes."""
        x = None if sent.item is None else await _given(keeper, sent.item, limits)
        return Answer(await keeper.look(lambda: actions.ahead(keeper.memory, sent.seconds, x, sent.top_k)))

    @app.get("/api/events", responses={200: {"content": {STREAM: {}}}}, response_class=StreamingResponse)
    async def events(request: Request) -> Response:
        """Stream what happens."""
        headers = {"x-accel-buffering": "no"}  # nginx would hold events back until it has a buffer full of them
        if request.method == "HEAD":
            return Response(media_type=STREAM, headers=headers)
        return StreamingResponse(hub.listen(client_of(request.scope)), media_type=STREAM, headers=headers)

    @app.get("/api/examples", response_model=reply_schemas.Examples)
    async def examples() -> Response:
        """Return handwritten characters to try."""
        return Answer(await keeper.look(sample_drawings.examples))

    @app.get("/", include_in_schema=False)
    @app.get("/static/{name:path}", include_in_schema=False)
    async def static(request: Request, name: str = "index.html") -> Response:
        return static_files.served(name, request.headers.get("if-none-match", ""))

    describe(app)
    _answer_head(app)  # after the description, which would list every GET twice
    return app


def _answer_head(app: FastAPI) -> None:
    """Let every GET be asked by HEAD too; the server sends no body then."""
    for route in app.routes:
        if isinstance(route, APIRoute) and route.methods and "GET" in route.methods:
            route.methods.add("HEAD")


async def _given(keeper: Keeper, sent: schemas.Items, limits: Limits) -> NDArray[Any]:
    """Return what was sent as rows of the kind that the memory takes."""
    urls, rows = sent.pictures, sent.rows
    image = keeper.memory.settings.backbone is not None
    if (urls is not None) != image:
        raise Refusal(422, f"this memory takes {'pictures' if image else 'vectors'}")
    if len(urls or rows or []) > limits.batch:
        raise Refusal(422, f"a request has at most {limits.batch} pictures or vectors")
    if urls is None:
        return np.array(rows, np.float64)
    return await keeper.look(lambda: image_decoding.stacked(urls, limits))


def _version() -> str:
    try:
        return version("insitu")
    except PackageNotFoundError:
        return "0"
