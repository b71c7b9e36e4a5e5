"""Addresses of clients, also behind a reverse proxy such as nginx with TLS.

A proxy passes the client's address in ``X-Forwarded-For`` and the client's scheme in ``X-Forwarded-Proto``. Anyone can
send these headers, so they are used only if they come from an address that the user declared trusted.
"""

from __future__ import annotations

import ipaddress
import re
from collections.abc import Iterable
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

from insitu.core import InsituError

if TYPE_CHECKING:
    from starlette.types import ASGIApp, Scope

Network = ipaddress.IPv4Network | ipaddress.IPv6Network
PORTS = {"http": 80, "https": 443}  # omitted in an origin
PATH = re.compile(r"(/[A-Za-z0-9._~-]+)*")


def client_of(scope: Scope) -> str:
    """Return the client of a request for limits per client; see ``network_of``."""
    return network_of(scope["client"][0] if scope.get("client") else "")


def network_of(host: str) -> str:
    """Return an IPv4 address unchanged, or the /64 network of an IPv6 address, which one household owns."""
    try:
        address = ipaddress.ip_address(host.partition("%")[0])
    except ValueError:
        return host
    if isinstance(address, ipaddress.IPv6Address):
        mapped = address.ipv4_mapped  # an IPv4 client of a dual-stack socket
        return str(mapped) if mapped else str(ipaddress.ip_network((int(address) >> 64 << 64, 64)))
    return host


def behind_proxies(app: ASGIApp, trusted: tuple[Network, ...]) -> ASGIApp:
    """Return ``app`` with middleware that takes client and scheme from the headers of trusted proxies."""
    if not trusted:
        return app
    from uvicorn.middleware.proxy_headers import ProxyHeadersMiddleware

    return ProxyHeadersMiddleware(app, [str(network) for network in trusted])  # type: ignore[arg-type, return-value]


def parse_networks(given: Iterable[str]) -> tuple[Network, ...]:
    """Parse addresses such as 127.0.0.1 or 10.0.0.0/8; raise ``InsituError`` where one is not valid."""
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
    """Return whether a trusted proxy has this address."""
    try:
        address = ipaddress.ip_address(host)
    except ValueError:
        return False
    return any(address in network for network in trusted)


def parse_origin(url: str, flag: str) -> str:
    """Return scheme, host and port of a URL as browsers send them in ``Origin``; ``flag`` is named in errors."""
    origin, path = _parse(url)
    if not origin or path:
        raise InsituError(f"{flag} takes a URL without a path, such as https://memory.example.org; got {url!r}")
    return origin


def parse_address(url: str, flag: str) -> tuple[str, str]:
    """Return a URL as its origin and its path, without the last slash; ``flag`` is named in errors."""
    origin, path = _parse(url)
    if not origin or not PATH.fullmatch(path):
        raise InsituError(f"{flag} takes a URL such as https://example.org or https://example.org/memory; got {url!r}")
    return origin, path


def _parse(url: str) -> tuple[str, str]:
    """Return origin and path of a URL, '' for an origin that is not valid."""
    try:
        parts = urlsplit(url.strip().rstrip("/"))
        host, port = parts.hostname or "", parts.port
        host = f"[{host}]" if ":" in host else host.encode("idna").decode()
    except ValueError:
        host = ""
    if not host or parts.scheme not in PORTS or parts.query or parts.fragment or "@" in parts.netloc:
        return "", ""
    shown = "" if port in (None, PORTS[parts.scheme]) else f":{port}"
    return f"{parts.scheme}://{host}{shown}", parts.path
