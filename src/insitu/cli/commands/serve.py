"""Serve a memory over HTTP, or a folder of them, with a page to teach it on.

usage: insitu serve [PATH] [--encoder NAME|none] [--substrate NAME] [--unknown NAME]
                    [--host 127.0.0.1] [--port 8000] [--allow-origin URL ...] [--token-file FILE] [--rate 400] [--open]
                    [--public-url URL] [--trusted-proxy ADDRESS ...]
       insitu serve --engine ray FOLDER [--address HOST:PORT|auto] [--shards N] [--host ...]

PATH is the file of the memory, or a folder of files NAME.insitu, each of which is served at /m/NAME/. A new file takes
drawings unless --encoder says otherwise ('none': vectors of numbers). Without PATH, the memory is lost when the server
stops. Only this machine can reach the server, unless --host, --public-url or --trusted-proxy is given; a token is then
required, which is created and printed on first start. Behind a proxy with TLS, --public-url is the address that
browsers use, and --trusted-proxy the address of the proxy, whose X-Forwarded-For and X-Forwarded-Proto headers are then
used. Ctrl-C finishes accepted requests and stops the server; a second one stops it immediately.

With --engine ray, a memory for vectors is spread over N actors of the Ray cluster at --address, one core each; FOLDER,
on a disk that all nodes share, keeps what is acknowledged. N is needed for a new FOLDER and cannot be changed later.
Examples, corrections, familiarity, devices and backups are those of a memory in a file alone.
"""

from __future__ import annotations

import time
from dataclasses import dataclass, fields
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

from insitu.core import InsituError, cache_folder, install_hint, named_encoder

if TYPE_CHECKING:
    import socket

    from insitu.service.rules import AccessRules
    from insitu.service.server import Server
    from insitu.service.tokens import Tokens
    from insitu.service.worker.supervisor import Kind, Supervisor


@dataclass(frozen=True)
class Options:
    """Options of the server."""

    encoder: str | None = None  # encoder of a new memory: omniglot by default, none for vectors
    substrate: str | None = None  # substrate of a new memory: name of a substrate or device
    engine: Literal["local", "ray"] = "local"  # where the memory is held: in this machine, or in a Ray cluster
    address: str | None = None  # Ray cluster: HOST:PORT, ray://HOST:PORT, or auto (default) for that of this machine
    shards: int | None = None  # actors of a new sharded memory, a core each; the number cannot be changed later
    unknown: str | None = None  # answer for what is unlike anything taught; without it, always a class
    host: str = "127.0.0.1"  # address to listen at
    port: int = 8000  # port to listen at; 0 for any free one
    allow_origin: tuple[str, ...] = ()  # other sites whose pages may send requests, as https://name
    token_file: Path | None = None  # file of the token; if given, a token is required on this machine too
    rate: float = 400.0  # requests per second of one client; 0 for no limit
    open: bool = False  # open the page in a browser
    public_url: str | None = None  # address of a proxy in front of the server, as browsers use it: https://name/path
    trusted_proxy: tuple[str, ...] = ()  # addresses or networks of proxies whose X-Forwarded headers are used


@dataclass(frozen=True)
class Token:
    """The token that clients must send."""

    text: str
    file: Path
    created: bool  # by this start, which prints it


def main(args: list[str]) -> int:
    """Serve the memory named by the first argument until a signal arrives."""
    begun = time.monotonic()
    from insitu.cli import flags
    from insitu.service import signals

    path, flagged = _split(args)
    options, _ = flags.parse(Options(), flagged, prog="insitu serve")
    if not 0 <= options.port < 2**16 or not 0 <= options.rate < 1e6:
        raise InsituError(f"port is 0..65535 and rate 0..1000000; got {options.port} and {options.rate:g}; see --help")
    kind = _kind(path, options)
    if path is not None and kind == "shards":
        path = path.resolve()  # the file of its token is named after it, and "." is no name
    with signals.exit_on_signals():
        from insitu.service.listening import is_loopback, listen

        # all options are checked before the file of a new memory is created
        listening = listen(options.host, options.port)
        with listening:
            print(
                f"memory  {path or 'not stored: it is lost when the server stops; give a PATH to store it'}", flush=True
            )
            rules, token = _access(path, kind, options, is_loopback(listening))
            try:
                worker = _start_worker(path, kind, options)
                try:
                    return _serve(worker, path, listening, options, rules, token, begun)
                finally:
                    worker.close()
                    if worker.error is not None and token is not None and token.created:  # nobody has used it
                        token.file.unlink(missing_ok=True)
            except ModuleNotFoundError as error:
                if (error.name or "").partition(".")[0] == "insitu":
                    raise
                raise InsituError(f"serving needs {error.name}; install it: {install_hint('serve')}") from error


def _split(args: list[str]) -> tuple[Path | None, list[str]]:
    """Return the path, which comes first, or follows a flag that takes one value; and the flags."""
    if args and not args[0].startswith("-"):
        return Path(args[0]), args[1:]
    single = {
        f"--{field.name.replace('_', '-')}" for field in fields(Options) if not isinstance(field.default, tuple | bool)
    }
    for place, word in enumerate(args):
        if place > 1 and args[place - 2] in single and not word.startswith("-"):
            return Path(word), args[:place] + args[place + 1 :]
    return None, args


def _kind(path: Path | None, options: Options) -> Kind:
    """Return what is served; raise ``InsituError`` for options that are of something else."""
    if options.engine == "ray":
        if path is None or path.is_file():
            raise InsituError(f"--engine ray takes a folder that all nodes share; got {path or 'no path'}")
        of_memory = ("encoder", options.encoder), ("substrate", options.substrate), ("unknown", options.unknown)
        for name, value in of_memory:
            if value is not None and (name, value.lower()) != ("encoder", "none"):
                raise InsituError(
                    f"--engine ray compares vectors in float32: it takes no --{name}, got {value!r}; leave it out, or "
                    "serve a memory in a file"
                )
        if options.shards is not None and options.shards < 1:
            raise InsituError(f"--shards is at least 1; got {options.shards}")
        return "shards"
    for name in ("address", "shards"):
        if getattr(options, name) is not None:
            raise InsituError(f"--{name} is of a sharded memory; add --engine ray, or leave it out")
    if path is None or not path.is_dir():
        return "memory"
    if options.encoder is not None:
        raise InsituError("--encoder is of one memory; POST /api/memories names that of a new memory in a folder")
    return "folder"


def _access(path: Path | None, kind: Kind, options: Options, local: bool) -> tuple[AccessRules, Token | None]:
    """Return the access rules; a token is required unless only this machine can reach the server."""
    from insitu.service.proxies import parse_address, parse_networks, parse_origin
    from insitu.service.rules import AccessRules
    from insitu.service.tokens import load_or_create_token

    proxies = parse_networks(options.trusted_proxy)
    origins = frozenset(parse_origin(each, "--allow-origin") for each in options.allow_origin)
    public, prefix = (None, "") if options.public_url is None else parse_address(options.public_url, "--public-url")
    token = None
    if options.token_file is not None or not local or public is not None or proxies:
        file = options.token_file or _token_file(path, kind)
        file.parent.mkdir(parents=True, exist_ok=True)
        text, created = load_or_create_token(file)
        token = Token(text, file, created)
    hosts = frozenset({"localhost", "127.0.0.1", "[::1]", options.host.lower()}) if local else None
    return AccessRules(token.text if token else None, hosts, origins, public, prefix, proxies), token


def _token_file(path: Path | None, kind: Kind) -> Path:
    if path is None or kind == "folder":
        return (path or cache_folder()) / "serve.token"
    return path.with_name(path.name + ".token")


def _start_worker(path: Path | None, kind: Kind, options: Options) -> Supervisor:
    """Start the process that opens the memory, which takes seconds; meanwhile the server starts."""
    from insitu.service.limits import Limits
    from insitu.service.worker.supervisor import Supervisor

    limits = Limits(rate=options.rate)
    if kind == "shards":
        return Supervisor(path, kind, {"shards": options.shards, "address": options.address or "auto"}, limits)
    given: dict[str, Any] = {"unknown": options.unknown}
    if options.substrate is not None:
        given["substrate"] = options.substrate
    if options.encoder is not None:
        given["encoder"] = named_encoder(options.encoder)
    return Supervisor(path, kind, given, limits)


def _serve(
    worker: Supervisor,
    path: Path | None,
    listening: socket.socket,
    options: Options,
    rules: AccessRules,
    token: Token | None,
    begun: float,
) -> int:
    """Run the server until a signal arrives; return the exit code."""
    from insitu.service import signals
    from insitu.service.tokens import Tokens

    pages = _pages(options, listening.getsockname()[1], rules)
    for number, page in enumerate(pages):
        print(f"{'page' if not number else '':8}{page}/{f'#token={token.text}' if token and token.created else ''}")
    if token is not None:
        stored = f"stored in {token.file}"
        print(f"token   {f'{token.text}  (printed only once, {stored})' if token.created else stored}")
    print("stop    Ctrl-C", flush=True)
    tokens = Tokens(path if worker.is_folder else None, required=token is not None)
    server = _create_server(worker, rules, tokens, options)

    def changed() -> None:
        if worker.error is not None:
            server.should_exit = True
        else:
            if token is not None and path is not None and not worker.is_folder:
                tokens.set_single(path.with_name(path.name + ".read-token"))
            print(f"ready   after {time.monotonic() - begun:.1f} s", flush=True)

    worker.changed = changed
    signals.set_handler(server.handle_exit)
    if options.open:
        import webbrowser

        webbrowser.open(f"{pages[-1] if rules.public is None else pages[0]}/{f'#token={token.text}' if token else ''}")
    server.run(sockets=[listening])
    signals.ignore_signals()
    if worker.error is not None:
        raise worker.error
    return 128 + server.interrupted_by if server.interrupted_by else 0


def _create_server(worker: Supervisor, rules: AccessRules, tokens: Tokens, options: Options) -> Server:
    from insitu.service.app import create_app
    from insitu.service.context import Context
    from insitu.service.limits import Limits
    from insitu.service.server import Server

    context = Context(worker, Limits(rate=options.rate), tokens)
    return Server(create_app(context, rules), context, rules.proxies)


def _pages(options: Options, port: int, rules: AccessRules) -> list[str]:
    """Return the addresses of the page: the public one, those for other machines, and that for this machine last."""
    from insitu.service.addresses import reachable

    public = [] if rules.public is None else [rules.public + rules.prefix]
    return [*public, *(f"http://{host}:{port}" for host in reachable(options.host))]
