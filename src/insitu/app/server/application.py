"""What is asked under which address, and the layers that a request passes before it gets there."""

from __future__ import annotations

from importlib.metadata import PackageNotFoundError, version
from typing import Annotated, Any

import numpy as np
from fastapi import FastAPI, Query, Request
from numpy.typing import NDArray
from starlette.responses import Response, StreamingResponse
from starlette.types import ASGIApp

from insitu.app.server import deeds, handwriting, messages, page, pictures, views
from insitu.app.server.access import Access, Rules
from insitu.app.server.events import Hub
from insitu.app.server.headers import Headers
from insitu.app.server.keeper import Keeper
from insitu.app.server.limits import Body, Limits, Rate
from insitu.app.server.problems import Answer, Caught, Refusal, handle


def application(keeper: Keeper, hub: Hub, rules: Rules, limits: Limits) -> ASGIApp:
    """Return the service: the routes within the layers that guard them."""
    routed = routes(keeper, hub, limits)
    return Headers(Caught(Rate(Access(Body(routed, limits), rules), limits)))


def routes(keeper: Keeper, hub: Hub, limits: Limits) -> FastAPI:
    """Return what can be asked, without a guard."""
    app = FastAPI(
        title="insitu",
        version=_version(),
        docs_url=None,
        redoc_url=None,
        default_response_class=Answer,
        redirect_slashes=False,
    )
    handle(app)

    @app.get("/api/health")
    async def health() -> Response:
        """Say that the service is there."""
        return Answer({"status": "ok", "version": _version()})

    @app.get("/api/memory")
    async def memory() -> Response:
        """Return what the memory is, holds and has spent."""
        return Answer(await keeper.look(lambda: views.about(keeper.memory, keeper.kept, limits)))

    @app.post("/api/teach", response_model=messages.Taught)
    async def teach(sent: messages.Teach) -> Response:
        """Teach examples; what was answered is kept."""
        x = await _given(keeper, sent, limits)
        out = await keeper.change(lambda memory: deeds.taught(memory, sent.names, x, sent.cells))
        hub.tell("learn", deeds.told(out, sent.names))
        return Answer(out)

    @app.post("/api/predict", response_model=messages.Predictions)
    async def predict(sent: messages.Asked) -> Response:
        """Recognise pictures or vectors."""
        x = deeds.checked(keeper.memory, await _given(keeper, sent, limits))
        recall = await keeper.ask(x)
        return Answer(views.predictions(keeper.memory, recall))

    @app.post("/api/forget", response_model=messages.Forgotten)
    async def forget(sent: messages.Forget) -> Response:
        """RESET a class."""
        out = await keeper.change(lambda memory: deeds.forgotten(memory, sent.label))
        hub.tell("forget", deeds.told(out, [sent.label]))
        return Answer(out)

    @app.get("/api/cells", response_model=messages.Cells)
    async def cells(label: Annotated[messages.Name, Query()]) -> Response:
        """Return the devices of a class."""
        return Answer(await keeper.look(lambda: deeds.cells(keeper.memory, label)))

    @app.post("/api/ahead", response_model=messages.Then)
    async def ahead(sent: messages.Ahead) -> Response:
        """Look ahead in time; nothing changes."""
        x = None
        if sent.image is not None or sent.vector is not None:
            x = await _given(keeper, messages.Asked(image=sent.image, vector=sent.vector), limits)
        return Answer(await keeper.look(lambda: deeds.ahead(keeper.memory, sent.seconds, x)))

    @app.get("/api/events")
    async def events() -> Response:
        """Stream what happens."""
        return StreamingResponse(hub.listen(), media_type="text/event-stream")

    @app.get("/api/examples")
    async def examples() -> Response:
        """Return handwritten characters to try."""
        return Answer(await keeper.look(handwriting.examples))

    @app.get("/", include_in_schema=False)
    @app.get("/static/{name:path}", include_in_schema=False)
    async def static(request: Request, name: str = "index.html") -> Response:
        return page.served(name, request.headers.get("if-none-match", ""))

    return app


async def _given(keeper: Keeper, sent: messages.Asked, limits: Limits) -> NDArray[Any]:
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
