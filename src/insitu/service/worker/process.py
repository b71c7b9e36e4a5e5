"""The process that computes: opens the memories, and answers calls until the other side of its socket is closed.

Signals are for the process that speaks HTTP; this one ends when it has answered everything that it was sent.
"""

from __future__ import annotations

import gc
import signal
import socket
import sys
import threading
from contextlib import suppress
from functools import partial
from typing import Any

from insitu.core import InsituError
from insitu.service.limits import Limits
from insitu.service.worker import light_imports
from insitu.service.worker.messages import Message, pack, receive

SWITCH_S = 0.001  # of threads: what waits for the interpreter gets it after this time
# replies after which no library is imported any more; what is there by then is left out of garbage collections, which
# would otherwise walk through a million objects of libraries and stop all threads for a fifth of a second
SETTLING = 100


def main(descriptor: int) -> None:
    """Answer the calls that arrive at a socket."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    connection, lock = socket.socket(fileno=descriptor), threading.Lock()

    def send(message: Message) -> None:
        with lock, suppress(BrokenPipeError, ConnectionResetError):  # the other process is gone
            connection.sendall(pack(message))

    messages = receive(connection)
    configuration = next(messages, None)
    if configuration is None:
        return
    try:
        engine = _start(send, *configuration)
    except (InsituError, OSError) as error:
        send(("failed", " ".join(str(error).split()), isinstance(error.__cause__ or error, OSError)))
        return
    send(("ready",))
    from insitu.service.worker.engine import Call

    settling = SETTLING

    def reply(number: int, *content: Any) -> None:  # status, body and note
        nonlocal settling
        send(("reply", number, *content))
        if settling:
            settling -= 1
            gc.freeze()

    for number, kind, memory, action, arguments in messages:
        engine.submit(Call(kind, memory, action, arguments, partial(reply, number)))
    engine.close()


def _start(send: Any, path: str | None, kind: str, given: dict[str, Any], limits: dict[str, Any]) -> Any:
    sys.setswitchinterval(SWITCH_S)
    light_imports.install()
    from insitu.service.worker.engine import Engine
    from insitu.service.worker.opening import open_memories

    memories = open_memories(path, kind, given)

    def report(name: str, memory: Any) -> None:
        send(("state", name, *((None, None) if memory is None else memory.state)))

    memories.watch(report)
    return Engine(memories, Limits(**limits))


if __name__ == "__main__":
    main(int(sys.argv[1]))
