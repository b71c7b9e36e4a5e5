"""The process that computes: opens the memories, and answers calls until the other side of its socket is closed.

Signals are for the process that speaks HTTP; this one ends when it has answered everything that it was sent.
"""

from __future__ import annotations

import signal
import socket
import sys
import threading
from contextlib import suppress
from typing import Any

from insitu.core import InsituError
from insitu.service.limits import Limits
from insitu.service.worker.messages import Message, pack, receive

SWITCH_S = 0.001  # of threads: what waits for the interpreter gets it after this time


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

    for number, kind, memory, action, arguments in messages:
        # status, body and note follow the number
        engine.submit(Call(kind, memory, action, arguments, lambda *reply, n=number: send(("reply", n, *reply))))
    engine.close()


def _start(send: Any, path: str | None, is_folder: bool, given: dict[str, Any], limits: dict[str, Any]) -> Any:
    sys.setswitchinterval(SWITCH_S)
    from insitu.service.worker.engine import Engine
    from insitu.service.worker.opening import open_memories

    memories = open_memories(path, is_folder, given)

    def report(name: str, memory: Any) -> None:
        send(("state", name, *((None, None) if memory is None else _counts(memory))))

    memories.watch(report)
    return Engine(memories, Limits(**limits))


def _counts(memory: Any) -> tuple[int, int]:
    """Return the numbers of events and of classes."""
    return getattr(memory, "events_", 0), len(getattr(memory, "classes_", ()))


if __name__ == "__main__":
    main(int(sys.argv[1]))
