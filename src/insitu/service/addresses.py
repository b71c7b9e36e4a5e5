"""Addresses of this machine at which other machines reach a server that listens on all interfaces."""

from __future__ import annotations

import ipaddress
import socket
import struct
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

from insitu.core import read_text

REMOTE = {socket.AF_INET: "192.0.2.1", socket.AF_INET6: "2001:db8::1"}  # reserved for documentation, never assigned
SIOCGIFADDR = 0x8915  # Linux: the IPv4 address of an interface


def reachable(host: str) -> list[str]:
    """Return the hosts, as written in a URL, that reach a socket bound to ``host``; loopback is the last one."""
    try:
        bound = ipaddress.ip_address(host)
    except ValueError:
        return [host]  # a name
    if not bound.is_unspecified:
        return [_in_url(bound)]
    families = (socket.AF_INET,) if bound.version == 4 else (socket.AF_INET6, socket.AF_INET)
    found = {address: None for family in families for address in map(ipaddress.ip_address, _addresses(family))}
    others = [address for address in found if not (address.is_loopback or address.is_link_local)]
    # the user's other devices are in a private network; tunnels and containers come after it
    others.sort(key=lambda address: (address.version != bound.version, not address.is_private))
    return [*map(_in_url, others), "127.0.0.1" if bound.version == 4 else "[::1]"]


def _in_url(address: ipaddress.IPv4Address | ipaddress.IPv6Address) -> str:
    return f"[{address}]" if address.version == 6 else str(address)


def _addresses(family: socket.AddressFamily) -> Iterator[str]:
    """Yield the addresses of one family, that of the default route first."""
    with suppress(OSError), socket.socket(family, socket.SOCK_DGRAM) as udp:
        udp.connect((REMOTE[family], 9))  # sends nothing, only selects the route
        yield str(udp.getsockname()[0])
    with suppress(OSError):
        for *_, address in socket.getaddrinfo(socket.gethostname(), None, family, socket.SOCK_DGRAM):
            yield str(address[0])
    yield from _interfaces_ipv4() if family == socket.AF_INET else _interfaces_ipv6()


def _interfaces_ipv4() -> Iterator[str]:
    try:
        from fcntl import ioctl
    except ImportError:  # not on this system
        return
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as udp:
        for _, name in socket.if_nameindex():
            with suppress(OSError):  # an interface without an address
                reply = ioctl(udp.fileno(), SIOCGIFADDR, struct.pack("256s", name.encode()[:15]))
                yield socket.inet_ntoa(reply[20:24])


def _interfaces_ipv6() -> Iterator[str]:
    with suppress(OSError):
        for line in read_text(Path("/proc/net/if_inet6")).splitlines():
            yield str(ipaddress.IPv6Address(int(line.split()[0], 16)))
