"""Processors that exported C is compiled for and run on, each by an emulator but for this machine's own."""

from __future__ import annotations

import shutil
import subprocess
from dataclasses import dataclass
from pathlib import Path

import pytest

HERE = Path(__file__).parent
STRICT = ("-std=c99", "-O2", "-Wall", "-Wextra", "-Wpedantic", "-Wconversion", "-Werror")
SANITIZERS = ("-g", "-fsanitize=address,undefined", "-fno-sanitize-recover=all")
PICOLIBC = ("--specs=picolibc.specs", "--oslib=semihost")
SLOWEST_S = 300


def memory_map(flash: int, ram: int) -> tuple[str, ...]:
    """Return linker flags for 4 MiB of each."""
    sizes = {"__flash": flash, "__flash_size": 1 << 22, "__ram": ram, "__ram_size": 1 << 22, "__stack_size": 1 << 14}
    return tuple(f"-Wl,--defsym={name}={size:#x}" for name, size in sizes.items())


@dataclass(frozen=True)
class Target:
    """A compiler with its flags, and the command that runs a program."""

    compiler: str
    flags: tuple[str, ...] = ()
    emulator: tuple[str, ...] = ()  # the program's path follows
    sources: tuple[Path, ...] = ()  # that the target needs besides
    package: str = ""  # of Debian with the compiler's C library

    def missing(self) -> str:
        """Return what is not installed here, or ''."""
        tools = [self.compiler, *self.emulator[:1]]
        return ", ".join(tool for tool in tools if shutil.which(tool) is None)

    def require(self) -> None:
        """Skip the test where a tool is missing."""
        if missing := self.missing():
            pytest.skip(f"{missing} is not installed")
        # a compiler without its C library
        probe = subprocess.run(
            [self.compiler, *self.flags, "-x", "c", "-fsyntax-only", "-"], input=b"#include <stdio.h>\n",
            capture_output=True, check=False,
        )  # fmt: skip
        if probe.returncode:
            pytest.skip(f"{self.compiler} has no C library here; install {self.package}")

    def compile(self, folder: Path, sources: list[str], defines: tuple[str, ...] = ()) -> Path:
        """Compile sources in ``folder`` into a program; warnings are errors."""
        program = folder / "program"
        given = [self.compiler, *STRICT, *self.flags, *defines, "-o", str(program), *map(str, self.sources), *sources]
        done = subprocess.run(given, cwd=folder, capture_output=True, text=True, check=False)
        assert not done.returncode, done.stderr
        return program

    def run(self, program: Path) -> str:
        """Run a program in its folder; return what it prints."""
        done = subprocess.run(
            [*self.emulator, str(program)], cwd=program.parent, capture_output=True, text=True, check=False,
            timeout=SLOWEST_S, stdin=subprocess.DEVNULL,
        )  # fmt: skip
        assert not done.returncode, done.stderr[-2000:]
        return done.stdout


def _cortex(core: str, board: str, *flags: str) -> Target:
    semihosting = (
        "-nographic",
        "-monitor",
        "none",
        "-serial",
        "none",
        "-semihosting-config",
        "enable=on,target=native",
    )
    return Target(
        "arm-none-eabi-gcc",
        (f"-mcpu=cortex-{core}", "-mthumb", *PICOLIBC, "--crt0=semihost", *memory_map(0, 0x20000000), *flags),
        ("qemu-system-arm", "-M", board, *semihosting, "-kernel"),
        package="picolibc-arm-none-eabi",
    )


def _riscv(width: int) -> Target:
    abi, maps = "lp64" if width == 64 else "ilp32", memory_map(0x10000, 0x1000000)
    return Target(
        "riscv64-unknown-elf-gcc",
        (f"-march=rv{width}imac", f"-mabi={abi}", "-mcmodel=medany", *PICOLIBC, "-nostartfiles", *maps),
        (f"qemu-riscv{width}",),
        sources=(HERE / "start_riscv.c",),
        package="picolibc-riscv64-unknown-elf",
    )


TARGETS = {
    "x86-64 gcc": Target("gcc"),
    "x86-64 gcc sanitizers": Target("gcc", SANITIZERS),
    "x86-64 clang sanitizers": Target("clang", SANITIZERS, package="libc6-dev"),
    "arm linux": Target("arm-linux-gnueabihf-gcc", ("-static",), ("qemu-arm",), package="libc6-dev-armhf-cross"),
    "cortex-m4": _cortex("m4", "mps2-an386"),
    "cortex-m4 portable": _cortex("m4", "mps2-an386", "-DINSITU_PORTABLE"),
    "cortex-m7": _cortex("m7", "mps2-an500"),
    "cortex-m0": _cortex("m0", "mps2-an385"),  # no multiplication of 64 bits; a Cortex-M3 runs it
    "riscv32": _riscv(32),
    "riscv64": _riscv(64),
    "s390x, big-endian": Target("s390x-linux-gnu-gcc", ("-static",), ("qemu-s390x",), package="libc6-dev-s390x-cross"),
}
