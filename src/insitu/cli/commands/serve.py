"""Serve a memory over HTTP, with a page to teach it on.

usage: insitu serve [PATH] [--backbone omniglot|miniimagenet|none] [--substrate NAME]
                    [--host 127.0.0.1] [--port 8000] [--allow-origin URL ...] [--token-file FILE] [--rate 400] [--open]
                    [--public-url URL] [--trusted-proxy ADDRESS ...]

PATH is the file that keeps the memory; it is made if it does not exist, for drawings unless --backbone says otherwise
('none': vectors of numbers). Without PATH the memory is lost when the server stops. Only this machine reaches the
server, unless --host, --public-url or --trusted-proxy say otherwise; then it requires a token, which it makes and
prints on first start. Behind a proxy with TLS, --public-url is the address that browsers see, and --trusted-proxy the
address of the proxy, whose X-Forwarded-For and X-Forwarded-Proto are then trusted. Ctrl-C stops it after all accepted
requests; a second one stops it at once.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from insitu.core import InsituError, cache_folder

if TYPE_CHECKING:
    import socket

    from insitu.memory import Memory
    from insitu.service.auth import Rules


@dataclass(frozen=True)
class Options:
    """How the memory is served."""

    backbone: str | None = None  # name of a new memory's backbone, by default omniglot; none for vectors of numbers
    substrate: str | None = None  # name of a new memory's substrate or device
    host: str = "127.0.0.1"  # address to listen at
    port: int = 8000  # port to listen at; 0 takes any free one
    allow_origin: tuple[str, ...] = ()  # other sites whose pages may send requests, as https://name
    token_file: Path | None = None  # file that keeps the token; with it, requests of this machine need one, too
    rate: float = 400.0  # requests per second that one client may send; 0 is unlimited
    open: bool = False  # open the page in a browser
    public_url: str | None = None  # address of a proxy in front, as browsers see it: https://name
    trusted_proxy: tuple[str, ...] = ()  # addresses or networks of proxies whose X-Forwarded headers are trusted


@dataclass(frozen=True)
class Token:
    """The token that requests need."""

    text: str
    file: Path
    fresh: bool  # new, and therefore shown once


def main(args: list[str]) -> int:
    """Serve the memory that the first word names until a signal comes."""
    from insitu.cli import flags
    from insitu.service import signals

    path = Path(args[0]) if args and not args[0].startswith("-") else None
    options, _ = flags.parse(Options(), args[0 if path is None else 1 :], prog="insitu serve")
    if not 0 <= options.port < 2**16 or not 0 <= options.rate < 1e6:
        raise InsituError(f"port is 0..65535 and rate 0..1000000; got {options.port} and {options.rate:g}")
    with signals.orderly():
        try:
            from insitu.service import server
        except ModuleNotFoundError as error:
            if (error.name or "").partition(".")[0] == "insitu":
                raise
            raise InsituError(f"serving needs {error.name}; install it: pip install 'insitu[serve]'") from error
        # everything is checked before the file of a new memory is made
        listening = server.bound(options.host, options.port)
        with listening:
            rules, token = _rules(path, options, server.is_loopback(listening))
            try:
                memory = _memory(path, options)
            except BaseException:
                if token is not None and token.fresh:  # which would never be shown
                    token.file.unlink(missing_ok=True)
                raise
            with memory:
                return _serve(memory, path, listening, options, rules, token)


def _rules(path: Path | None, options: Options, local: bool) -> tuple[Rules, Token | None]:
    """Return who may send requests; others than this machine need a token."""
    from insitu.service.auth import Rules, token_of
    from insitu.service.proxies import networks, origin_of

    proxies = networks(options.trusted_proxy)
    origins = frozenset(origin_of(each, "--allow-origin") for each in options.allow_origin)
    public = None if options.public_url is None else origin_of(options.public_url, "--public-url")
    token = None
    if options.token_file is not None or not local or public is not None or proxies:
        file = options.token_file or (path.with_name(path.name + ".token") if path else cache_folder() / "serve.token")
        file.parent.mkdir(parents=True, exist_ok=True)
        text, fresh = token_of(file)
        token = Token(text, file, fresh)
    hosts = frozenset({"localhost", "127.0.0.1", "[::1]", options.host.lower()}) if local else None
    return Rules(token.text if token else None, hosts, origins, public, proxies), token


def _memory(path: Path | None, options: Options) -> Memory:
    from insitu.memory import Memory
    from insitu.service import server

    given: dict[str, Any] = {} if options.substrate is None else {"substrate": options.substrate}
    new = path is None or not path.exists() or not path.stat().st_size
    if options.backbone is not None or new:
        name = options.backbone or "omniglot"
        given["backbone"] = None if name.lower() == "none" else name
    trial = Memory(**given)
    if new:
        server.warm(trial)
    else:
        trial.settings  # noqa: B018  # raises where a name is wrong
    memory = trial if path is None else Memory.open(path, **given)
    try:
        if not new:
            server.warm(memory)
    except BaseException:
        memory.close()
        raise
    return memory


def _serve(
    memory: Memory, path: Path | None, listening: socket.socket, options: Options, rules: Rules, token: Token | None
) -> int:
    """Run the server until a signal comes; return the exit code."""
    from insitu.service import signals
    from insitu.service.events import Hub
    from insitu.service.limits import Limits
    from insitu.service.routes import application
    from insitu.service.scheduler import Keeper
    from insitu.service.server import Server

    limits = Limits(rate=options.rate)
    hub, keeper = Hub(limits.listeners), Keeper(memory, path is not None)
    server = Server(application(keeper, hub, rules, limits), hub, rules.proxies)
    signals.handled_by(server.handle_exit)
    pages = _pages(options, listening.getsockname()[1], rules.public)
    print(
        f"memory  {path}"
        if path
        else "memory  in memory only: it is lost when the server stops; give a PATH to keep it"
    )
    for number, page in enumerate(pages):
        print(f"{'page' if not number else '':8}{page}/{f'#token={token.text}' if token and token.fresh else ''}")
    if token is not None:
        once = f"{token.text}  (shown this once, kept in {token.file})"
        print(f"token   {once if token.fresh else f'kept in {token.file}'}")
    print("stop    Ctrl-C", flush=True)
    if options.open:
        import webbrowser

        webbrowser.open(f"{rules.public or pages[-1]}/{f'#token={token.text}' if token else ''}")
    server.run(sockets=[listening])
    signals.ignored()
    keeper.close()
    return 128 + server.cut_by if server.cut_by else 0


def _pages(options: Options, port: int, public: str | None) -> list[str]:
    """Return the addresses of the page: the public one, those that others reach, and one for this machine last."""
    from insitu.service.addresses import reachable

    return [*filter(None, [public]), *(f"http://{host}:{port}" for host in reachable(options.host))]
