"""Which requests are admitted."""

from __future__ import annotations

from dataclasses import dataclass

from insitu.service.proxies import Network


@dataclass(frozen=True)
class AccessRules:
    """Rules of the server; see ``auth``."""

    token: str | None = None  # allows everything
    hosts: frozenset[str] | None = frozenset({"localhost", "127.0.0.1", "[::1]"})  # accepted in Host; None for any
    origins: frozenset[str] = frozenset()  # other sites whose pages may send requests
    public: str | None = None  # address of a proxy in front of the server, as browsers send it in Origin
    prefix: str = ""  # path of the public address, without the last slash
    proxies: tuple[Network, ...] = ()  # whose X-Forwarded headers are trusted

    def allows_host(self, host: str) -> bool:
        """Return whether the server answers to this host name."""
        return self.hosts is None or _without_port(host) in {*self.hosts, *self._public_host()}

    def is_own_origin(self, origin: str, scheme: str, host: str) -> bool:
        """Return whether a page of this origin came from this server."""
        return origin in (f"{scheme}://{host}", self.public)

    def _public_host(self) -> set[str]:
        return {_without_port(self.public.partition("://")[2])} if self.public else set()


def _without_port(host: str) -> str:
    """Return a host without its port; an IPv6 address keeps its brackets."""
    name, colon, port = host.rpartition(":")
    return name if colon and port.isdigit() else host
