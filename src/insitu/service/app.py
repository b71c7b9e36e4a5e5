"""The ASGI application: the routes, inside the middleware that guards them."""

from __future__ import annotations

import importlib
import pkgutil
from importlib.metadata import PackageNotFoundError, version

from fastapi import FastAPI
from fastapi.routing import APIRoute
from starlette.types import ASGIApp

from insitu.service import routes
from insitu.service.auth import AccessControl, AccessRules
from insitu.service.context import Context
from insitu.service.errors import AsciiResponse, ErrorMiddleware, add_handlers
from insitu.service.limits import BodyLimit, RateLimit
from insitu.service.openapi import describe_errors
from insitu.service.proxies import behind_proxies
from insitu.service.security_headers import SecurityHeaders


def create_app(context: Context, rules: AccessRules) -> ASGIApp:
    """Return the application that serves the memory of ``context`` to clients that ``rules`` admit."""
    limits = context.limits
    limited = BodyLimit(_create_routes(context), limits)
    guarded = SecurityHeaders(ErrorMiddleware(RateLimit(AccessControl(limited, rules), limits)))
    return behind_proxies(guarded, rules.proxies)


def _create_routes(context: Context) -> FastAPI:
    app = FastAPI(
        title="insitu",
        version=_version(),
        docs_url=None,
        redoc_url=None,
        default_response_class=AsciiResponse,
        redirect_slashes=False,
    )
    add_handlers(app)
    for module in pkgutil.iter_modules(routes.__path__):
        importlib.import_module(f"{routes.__name__}.{module.name}").add(app, context)
    describe_errors(app)
    for route in app.routes:  # after the description, which would list every GET twice
        if isinstance(route, APIRoute) and route.methods and "GET" in route.methods:
            route.methods.add("HEAD")
    return app


def _version() -> str:
    try:
        return version("insitu")
    except PackageNotFoundError:
        return "0"
