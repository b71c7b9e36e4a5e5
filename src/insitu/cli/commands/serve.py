"""Serve a memory over HTTP, with a page to teach it on.

usage: insitu serve [PATH] [--backbone omniglot|miniimagenet|none] [--substrate NAME] [--unknown NAME]
                    [--host 127.0.0.1] [--port 8000] [--allow-origin URL ...] [--token-file FILE] [--rate 400] [--open]
                    [--public-url URL] [--trusted-proxy ADDRESS ...]

PATH is the file of the memory. A new file takes drawings unless --backbone says otherwise ('none': vectors of numbers).
Without PATH, the memory is lost when the server stops. Only this machine can reach the server, unless --host,
--public-url or --trusted-proxy is given; a token is then required, which is created and printed on first start. Behind
a proxy with TLS, --public-url is the address that browsers use, and --trusted-proxy the address of the proxy, whose
X-Forwarded-For and X-Forwarded-Proto headers are then used. Ctrl-C finishes accepted requests and stops the server;
a second one stops it immediately.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from insitu.core import InsituError, cache_folder

if TYPE_CHECKING:
    import socket

    from insitu.memory import Memory
    from insitu.service.auth import AccessRules


@dataclass(frozen=True)
class Options:
    """Options of the server."""

    backbone: str | None = None  # backbone of a new memory: omniglot by default, none for vectors
    substrate: str | None = None  # substrate of a new memory: name of a substrate or device
    unknown: str | None = None  # answer for what is unlike anything taught; without it, always a class
    host: str = "127.0.0.1"  # address to listen at
    port: int = 8000  # port to listen at; 0 for any free one
    allow_origin: tuple[str, ...] = ()  # other sites whose pages may send requests, as https://name
    token_file: Path | None = None  # file of the token; if given, a token is required on this machine too
    rate: float = 400.0  # requests per second of one client; 0 for no limit
    open: bool = False  # open the page in a browser
    public_url: str | None = None  # address of a proxy in front of the server, as browsers use it: https://name
    trusted_proxy: tuple[str, ...] = ()  # addresses or networks of proxies whose X-Forwarded headers are used


@dataclass(frozen=True)
class Token:
    """The token that clients must send."""

    text: str
    file: Path
    created: bool  # by this start, which prints it


def main(args: list[str]) -> int:
    """Serve the memory named by the first argument until a signal arrives."""
    from insitu.cli import flags
    from insitu.service import signals

    path = Path(args[0]) if args and not args[0].startswith("-") else None
    options, _ = flags.parse(Options(), args[0 if path is None else 1 :], prog="insitu serve")
    if not 0 <= options.port < 2**16 or not 0 <= options.rate < 1e6:
        raise InsituError(f"port is 0..65535 and rate 0..1000000; got {options.port} and {options.rate:g}; see --help")
    with signals.exit_on_signals():
        try:
            from insitu.service import server
        except ModuleNotFoundError as error:
            if (error.name or "").partition(".")[0] == "insitu":
                raise
            raise InsituError(f"serving needs {error.name}; install it: pip install 'insitu[serve]'") from error
        # all options are checked before the file of a new memory is created
        listening = server.listen(options.host, options.port)
        with listening:
            rules, token = _access(path, options, server.is_loopback(listening))
            try:
                memory = _open_memory(path, options)
            except BaseException:
                if token is not None and token.created:  # it would never be printed
                    token.file.unlink(missing_ok=True)
                raise
            with memory:
                return _serve(memory, path, listening, options, rules, token)


def _access(path: Path | None, options: Options, local: bool) -> tuple[AccessRules, Token | None]:
    """Return the access rules; a token is required unless only this machine can reach the server."""
    from insitu.service.auth import AccessRules, load_or_create_token
    from insitu.service.proxies import parse_networks, parse_origin

    proxies = parse_networks(options.trusted_proxy)
    origins = frozenset(parse_origin(each, "--allow-origin") for each in options.allow_origin)
    public = None if options.public_url is None else parse_origin(options.public_url, "--public-url")
    token = None
    if options.token_file is not None or not local or public is not None or proxies:
        file = options.token_file or (path.with_name(path.name + ".token") if path else cache_folder() / "serve.token")
        file.parent.mkdir(parents=True, exist_ok=True)
        text, created = load_or_create_token(file)
        token = Token(text, file, created)
    hosts = frozenset({"localhost", "127.0.0.1", "[::1]", options.host.lower()}) if local else None
    return AccessRules(token.text if token else None, hosts, origins, public, proxies), token


def _open_memory(path: Path | None, options: Options) -> Memory:
    from insitu.memory import Memory
    from insitu.service import server

    given: dict[str, Any] = {"unknown": options.unknown}
    if options.substrate is not None:
        given["substrate"] = options.substrate
    new = path is None or not path.exists() or not path.stat().st_size
    if options.backbone is not None or new:
        name = options.backbone or "omniglot"
        given["backbone"] = None if name.lower() == "none" else name
    memory = Memory(**given)
    if new:
        server.warm_up(memory)
    else:
        memory.settings  # noqa: B018  # raises where a name is wrong
    if path is not None:
        memory = Memory.open(path, **given)
    try:
        if not new:
            server.warm_up(memory)
    except BaseException:
        memory.close()
        raise
    return memory


def _serve(
    memory: Memory,
    path: Path | None,
    listening: socket.socket,
    options: Options,
    rules: AccessRules,
    token: Token | None,
) -> int:
    """Run the server until a signal arrives; return the exit code."""
    from insitu.service import signals
    from insitu.service.app import create_app
    from insitu.service.context import Context
    from insitu.service.events import EventHub
    from insitu.service.limits import Limits
    from insitu.service.scheduler import Scheduler
    from insitu.service.server import Server

    limits = Limits(rate=options.rate)
    context = Context(Scheduler(memory, path is not None), EventHub(limits.listeners), limits)
    server = Server(create_app(context, rules), context.hub, rules.proxies)
    signals.set_handler(server.handle_exit)
    pages = _pages(options, listening.getsockname()[1], rules.public)
    print(f"memory  {path or 'not stored: it is lost when the server stops; give a PATH to store it'}")
    for number, page in enumerate(pages):
        print(f"{'page' if not number else '':8}{page}/{f'#token={token.text}' if token and token.created else ''}")
    if token is not None:
        stored = f"stored in {token.file}"
        print(f"token   {f'{token.text}  (printed only once, {stored})' if token.created else stored}")
    print("stop    Ctrl-C", flush=True)
    if options.open:
        import webbrowser

        webbrowser.open(f"{rules.public or pages[-1]}/{f'#token={token.text}' if token else ''}")
    server.run(sockets=[listening])
    signals.ignore_signals()
    context.scheduler.close()
    return 128 + server.interrupted_by if server.interrupted_by else 0


def _pages(options: Options, port: int, public: str | None) -> list[str]:
    """Return the addresses of the page: the public one, those for other machines, and that for this machine last."""
    from insitu.service.addresses import reachable

    return [*filter(None, [public]), *(f"http://{host}:{port}" for host in reachable(options.host))]
