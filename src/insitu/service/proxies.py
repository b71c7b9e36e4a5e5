"""Reverse proxies in front of the server, such as nginx with TLS: whose headers are believed, and the public address.

A proxy names the client in ``X-Forwarded-For`` and the scheme that the client used in ``X-Forwarded-Proto``. Anyone
can send these headers, so they are read from the addresses alone that the user called trusted.
"""

from __future__ import annotations

import ipaddress
from collections.abc import Iterable
from urllib.parse import urlsplit

from starlette.types import ASGIApp
from uvicorn.middleware.proxy_headers import ProxyHeadersMiddleware

from insitu.core import InsituError

Network = ipaddress.IPv4Network | ipaddress.IPv6Network
PORTS = {"http": 80, "https": 443}  # that an origin leaves out


def forwarded(app: ASGIApp, trusted: tuple[Network, ...]) -> ASGIApp:
    """Return ``app`` behind a layer that sets client and scheme to what a trusted proxy says of them."""
    if not trusted:
        return app
    return ProxyHeadersMiddleware(app, [str(network) for network in trusted])  # type: ignore[arg-type, return-value]


def networks(given: Iterable[str]) -> tuple[Network, ...]:
    """Return addresses such as 127.0.0.1 or 10.0.0.0/8; raise ``InsituError`` for what is none."""
    found: list[Network] = []
    for text in given:
        try:
            found.append(ipaddress.ip_network(text.strip("[]"), strict=False))
        except ValueError:
            raise InsituError(
                f"--trusted-proxy takes IP addresses or networks, such as 127.0.0.1 or 10.0.0.0/8; got {text!r}"
            ) from None
    return tuple(found)


def is_trusted(host: str, trusted: tuple[Network, ...]) -> bool:
    """Return whether a proxy that is trusted has this address."""
    try:
        address = ipaddress.ip_address(host)
    except ValueError:
        return False
    return any(address in network for network in trusted)


def origin_of(url: str, flag: str) -> str:
    """Return scheme, host and port of an address as browsers send them in ``Origin``; raise ``InsituError``."""
    try:
        parts = urlsplit(url.strip().rstrip("/"))
        host, port = parts.hostname or "", parts.port
        host = f"[{host}]" if ":" in host else host.encode("idna").decode()
    except ValueError:
        host = ""
    if not host or parts.scheme not in PORTS or parts.path or parts.query or parts.fragment or "@" in parts.netloc:
        raise InsituError(f"{flag} takes an address without a path, such as https://memory.example.org; got {url!r}")
    shown = "" if port in (None, PORTS[parts.scheme]) else f":{port}"
    return f"{parts.scheme}://{host}{shown}"
