"""Serve a memory over HTTP, with a page to teach it on.

usage: insitu serve [PATH] [--backbone omniglot|miniimagenet|none] [--substrate NAME]
                    [--host 127.0.0.1] [--port 8000] [--allow-origin URL ...] [--token-file FILE] [--rate 400] [--open]

PATH is the file that keeps the memory; it is made where there is none, for drawings unless --backbone says otherwise
('none': vectors of numbers). Without PATH the memory is lost when the server stops. Only this machine reaches the
server, unless --host says otherwise; then it asks for a token, which it makes and prints on first start. Ctrl-C stops
it when all that it accepted is done.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from insitu.core import InsituError, cache_folder

if TYPE_CHECKING:
    from insitu.memory import Memory


@dataclass(frozen=True)
class Options:
    """How the memory is served."""

    backbone: str | None = None  # of a new memory: omniglot unless given; none for vectors
    substrate: str | None = None  # of a new memory: a substrate's or device's name
    host: str = "127.0.0.1"  # address to listen at
    port: int = 8000  # 0 takes any that is free
    allow_origin: tuple[str, ...] = ()  # other sites that may ask, as https://name
    token_file: Path | None = None  # where the token is kept; asks for one on this machine too
    rate: float = 400.0  # requests per second of one client; 0 is any number
    open: bool = False  # open the page in a browser


def main(args: list[str]) -> int:
    """Serve the memory that the first word names until a signal comes."""
    from insitu.app import flags

    path = Path(args[0]) if args and not args[0].startswith("-") else None
    options, _ = flags.parse(Options(), args[0 if path is None else 1 :], prog="insitu serve")
    if not 0 <= options.port < 2**16 or not 0 <= options.rate < 1e6:
        raise InsituError(f"port is 0..65535 and rate 0..1000000; got {options.port} and {options.rate:g}")
    try:
        from insitu.app.server import running
    except ModuleNotFoundError as error:
        if (error.name or "").partition(".")[0] == "insitu":
            raise
        raise InsituError(f"serving needs {error.name}; install it: pip install 'insitu[serve]'") from error
    listening = running.bound(options.host, options.port)
    with listening, _memory(path, options) as memory:
        _serve(memory, path, listening, options)
    return 0


def _memory(path: Path | None, options: Options) -> Memory:
    from insitu.memory import Memory

    given: dict[str, Any] = {} if options.substrate is None else {"substrate": options.substrate}
    new = path is None or not path.exists() or not path.stat().st_size
    if options.backbone is not None or new:
        name = options.backbone or "omniglot"
        given["backbone"] = None if name.lower() == "none" else name
    return Memory(**given) if path is None else Memory.open(path, **given)


def _serve(memory: Memory, path: Path | None, listening: Any, options: Options) -> None:
    from insitu.app.server import running
    from insitu.app.server.access import Rules, token_of
    from insitu.app.server.application import application
    from insitu.app.server.events import Hub
    from insitu.app.server.keeper import Keeper
    from insitu.app.server.limits import Limits

    local = running.is_loopback(listening)
    file, token, fresh = options.token_file, None, False
    if file is not None or not local:
        file = file or (path.with_name(path.name + ".token") if path else cache_folder() / "serve.token")
        file.parent.mkdir(parents=True, exist_ok=True)
        token, fresh = token_of(file)
    limits = Limits(rate=options.rate)
    hosts = frozenset({"localhost", "127.0.0.1", "[::1]", options.host.lower()}) if local else None
    rules = Rules(token, hosts, frozenset(origin.rstrip("/") for origin in options.allow_origin))
    running.warm(memory)
    hub, keeper = Hub(limits.listeners), Keeper(memory, path is not None)
    server = running.Server(application(keeper, hub, rules, limits), hub)
    address = _address(options.host, listening.getsockname()[1])
    print(
        f"memory  {path}"
        if path
        else "memory  in memory only: it is lost when the server stops; give a PATH to keep it"
    )
    print(f"page    {address}/{f'#token={token}' if fresh else ''}")
    if token is not None:
        print(f"token   {token}  (shown this once, kept in {file})" if fresh else f"token   kept in {file}")
    print("stop    Ctrl-C", flush=True)
    if options.open:
        import webbrowser

        webbrowser.open(f"{address}/{f'#token={token}' if token else ''}")
    server.run(sockets=[listening])
    keeper.close()


def _address(host: str, port: int) -> str:
    name = f"[{host}]" if ":" in host else host
    return f"http://{name}:{port}"
