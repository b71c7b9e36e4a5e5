"""Code, stack and instructions of an exported folder on a Cortex-M4, by GCC and QEMU where they are installed."""

from __future__ import annotations

import shutil
import subprocess
import tempfile
from dataclasses import dataclass
from pathlib import Path

from insitu.core import InsituError, read_text
from insitu.export.folder import PARTS, SOURCES, code

COMPILER, EMULATOR, SIZE = "arm-none-eabi-gcc", "qemu-system-arm", "arm-none-eabi-size"
CORE = ("-mcpu=cortex-m4", "-mthumb", "-std=c99", "--specs=picolibc.specs")
MEMORY_MAP = {
    "__flash": 0,
    "__flash_size": 1 << 22,
    "__ram": 0x20000000,
    "__ram_size": 1 << 22,
    "__stack_size": 1 << 15,
}
LINKED = ("--oslib=semihost", "--crt0=semihost", *(f"-Wl,--defsym={name}={at:#x}" for name, at in MEMORY_MAP.items()))
# an instruction takes 2^6 ns of the board's time, which its timer sees
BOARD = (
    *("-M", "mps2-an386", "-icount", "shift=6", "-nographic", "-monitor", "none", "-serial", "none"),
    *("-semihosting-config", "enable=on,target=native", "-kernel"),
)
SLOWEST_S = 300


@dataclass(frozen=True)
class Measured:
    """Bytes of code and stack, and instructions of each verb."""

    code_bytes: int
    stack_bytes: int  # the frames of all functions together, which no call can exceed
    instructions: dict[str, int]


def missing() -> str:
    """Return what is not installed here, or ''."""
    return ", ".join(tool for tool in (COMPILER, EMULATOR, SIZE) if shutil.which(tool) is None)


def measure(folder: Path, flags: tuple[str, ...] = ("-O2",)) -> Measured:
    """Compile the exported ``folder`` for a Cortex-M4 and run each verb once."""
    parts, hand_written = [name for name in PARTS if (folder / name).exists()], code(folder)
    sources, defines = [*hand_written, *parts], [f"-DCOUNT_{PARTS[name]}" for name in parts]
    with tempfile.TemporaryDirectory() as made:
        work = Path(made)
        for name in (*sources, *(file.name for file in folder.glob("*.h"))):
            shutil.copy(folder / name, work)
        shutil.copy(SOURCES / "count.c", work)
        _run([COMPILER, *CORE, *flags, "-fstack-usage", "-c", *sources], work)
        printed = _run([SIZE, *(name.replace(".c", ".o") for name in hand_written)], work)
        code_bytes = sum(int(line.split()[0]) for line in printed.splitlines()[1:])
        frames = [line.split("\t") for file in work.glob("*.su") for line in read_text(file).splitlines()]
        _run([COMPILER, *CORE, *flags, *defines, *LINKED, "count.c", *sources, "-o", "count.elf"], work)
        counted = dict(line.split() for line in _run([EMULATOR, *BOARD, "count.elf"], work).splitlines())
    nothing = int(counted.pop("nothing"))
    instructions = {name: int(count) - nothing for name, count in counted.items()}
    return Measured(code_bytes, sum(int(frame[1]) for frame in frames), instructions)


def _run(command: list[str], folder: Path) -> str:
    try:
        done = subprocess.run(
            command,
            cwd=folder,
            capture_output=True,
            encoding="utf-8",
            timeout=SLOWEST_S,
            stdin=subprocess.DEVNULL,
            check=True,
        )
    except (OSError, subprocess.SubprocessError) as error:
        detail = (getattr(error, "stderr", "") or str(error)).strip().splitlines()
        raise InsituError(f"{command[0]} failed: {detail[0] if detail else error}; leave out --plan") from error
    return done.stdout + done.stderr
