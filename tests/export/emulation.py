"""Exported memories that programs serve: a process of this machine, or QEMU's board on a pseudo-terminal."""

from __future__ import annotations

import os
import re
import select
import shutil
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import numpy as np
from targets import HERE, TARGETS

from insitu.export import export_memory
from insitu.memory.integer_memory import IntegerMemory

SOURCES = ["insitu_serial.c", "insitu_requests.c", "insitu.c", "insitu_save.c", "model.c"]
HOST = "x86-64 gcc sanitizers"


class Pipe:
    """A port at the standard streams of a process."""

    def __init__(self, process: subprocess.Popen[bytes]) -> None:
        assert process.stdin is not None
        assert process.stdout is not None
        self._to, self._from = process.stdin, process.stdout.fileno()
        self.in_waiting = 4096

    def read(self, size: int = 1) -> bytes:
        ready = select.select([self._from], [], [], 0.02)[0]
        return os.read(self._from, size) if ready else b""

    def write(self, data: bytes) -> int:
        self._to.write(data)
        self._to.flush()
        return len(data)

    def close(self) -> None: ...


class Noisy:
    """A port that loses and garbles bytes in both directions, and adds some."""

    def __init__(self, port: Pipe, rate: float) -> None:
        self._port, self._rate, self._rng = port, rate, np.random.default_rng(3)
        self.in_waiting, self.damaged = port.in_waiting, 0

    def read(self, size: int = 1) -> bytes:
        return self._noise(self._port.read(size))

    def write(self, data: bytes) -> int:
        return self._port.write(self._noise(data))

    def close(self) -> None: ...

    def _noise(self, data: bytes) -> bytes:
        out = bytearray()
        for byte in data:
            draw = self._rng.random() / self._rate
            self.damaged += draw < 1
            if draw < 1 / 3:
                continue
            out.append(int(self._rng.integers(256)) if draw < 2 / 3 else byte)
            if 2 / 3 <= draw < 1:
                out.append(int(self._rng.integers(256)))
        return bytes(out)


def built(folder: Path, memory: IntegerMemory, target: str = HOST) -> list[str]:
    """Return the command that serves an exported memory at its standard streams."""
    TARGETS[target].require()
    export_memory(memory, folder)
    for name in ("serve.c", "flash.h"):
        shutil.copy(HERE / name, folder)
    program = TARGETS[target].compile(folder, ["serve.c", *SOURCES], ("-DINSITU_FLOAT",))
    return [*TARGETS[target].emulator, str(program)]


@contextmanager
def served(command: list[str]) -> Iterator[Pipe]:
    """Run a command of ``built``; it must end well when its input ends."""
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE) as process:
        yield Pipe(process)
        assert process.stdin is not None
        process.stdin.close()
        assert process.wait(30) == 0


@contextmanager
def emulated(folder: Path, memory: IntegerMemory) -> Iterator[str]:
    """Serve an exported memory by its firmware on QEMU's board; yield the pseudo-terminal of its UART."""
    TARGETS["cortex-m4"].require()
    export_memory(memory, folder)
    subprocess.run(["make", "-s", "firmware.elf"], cwd=folder, check=True)
    command = ["qemu-system-arm", "-M", "mps2-an386", "-nographic", "-monitor", "none", "-serial", "pty", "-kernel"]
    with subprocess.Popen(
        [*command, "firmware.elf"], cwd=folder, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT, text=True,
    ) as process:  # fmt: skip
        try:
            assert process.stdout is not None
            found = re.search(r"(/dev/\S+)", process.stdout.readline())
            assert found is not None
            yield found[1]
        finally:
            process.terminate()
