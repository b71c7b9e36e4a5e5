"""The ASGI application: the routes, inside the middleware that guards them."""

from __future__ import annotations

import importlib
import pkgutil

from fastapi import FastAPI
from fastapi.routing import APIRoute
from starlette.types import ASGIApp

import insitu
from insitu.service import routes
from insitu.service.auth import AccessControl
from insitu.service.context import Context
from insitu.service.errors import AsciiResponse, ErrorMiddleware, add_handlers
from insitu.service.json_route import JsonRoute
from insitu.service.metrics import Measured
from insitu.service.openapi import describe_errors, describe_memories
from insitu.service.paths import ByMemory, MemoryPaths
from insitu.service.proxies import behind_proxies
from insitu.service.request_limits import BodyLimit, RateLimit
from insitu.service.rules import AccessRules
from insitu.service.security_headers import SecurityHeaders

OF_FOLDER = {"folder"}  # routes of a server of several memories


def create_app(context: Context, rules: AccessRules) -> ASGIApp:
    """Return the application that serves the memories of ``context`` to clients that ``rules`` admit."""
    is_folder = context.tokens.folder is not None
    of_memory = {each.name for each in pkgutil.iter_modules(routes.__path__)} - OF_FOLDER
    memory = server = _create(context, of_memory - {"metrics"} if is_folder else of_memory)
    if is_folder:
        server = _create(context, OF_FOLDER | {"health", "metrics", "page"})
        describe_memories(server, memory)
    limited = BodyLimit(ByMemory(memory, server), context.limits)
    admitted = MemoryPaths(AccessControl(limited, rules, context.tokens), rules.prefix, is_folder)
    guarded = ErrorMiddleware(RateLimit(admitted, context.limits))
    return behind_proxies(SecurityHeaders(Measured(guarded, context.metrics)), rules.proxies)


def _create(context: Context, modules: set[str]) -> FastAPI:
    app = FastAPI(
        title="insitu",
        version=insitu.__version__,
        docs_url=None,
        redoc_url=None,
        default_response_class=AsciiResponse,
        redirect_slashes=False,
    )
    app.router.route_class = JsonRoute
    add_handlers(app)
    for name in sorted(modules):
        importlib.import_module(f"{routes.__name__}.{name}").add(app, context)
    describe_errors(app)
    for route in app.routes:  # after the description, which would list every GET twice
        if isinstance(route, APIRoute) and route.methods and "GET" in route.methods:
            route.methods.add("HEAD")
    context.metrics.routes |= {route.path for route in app.routes if isinstance(route, APIRoute)}
    return app
