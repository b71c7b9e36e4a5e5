"""Saved blocks: power cuts, flipped bits, other models and versions, arbitrary bytes."""

from __future__ import annotations

import shutil
import subprocess
import zlib
from pathlib import Path

import numpy as np
import pytest
from targets import HERE, SANITIZERS, STRICT, TARGETS

from insitu.core import InsituError
from insitu.export import export_memory
from insitu.memory.integer_memory import IntegerMemory
from insitu.memory.integer_space import integer_space
from insitu.memory.space import fit_space

HOST = "x86-64 gcc sanitizers"
SOURCES = ["insitu.c", "insitu_save.c", "model.c"]
FUZZED = 4_000  # inputs here; minutes by hand, see docs/device.md


def small_memory(capacity: int = 5) -> IntegerMemory:
    rng = np.random.default_rng(1)
    x, y = rng.standard_normal((12, 6)), np.arange(12) % 3
    memory = IntegerMemory(integer_space(fit_space(x, y, 10)), capacity, 8, excess=9000)
    for row, label in zip(memory.space.codes(x), y, strict=True):
        memory.teach(row, f"class{label}")
    return memory


def test_after_any_power_cut_the_old_or_the_new_memory_loads(tmp_path: Path) -> None:
    TARGETS[HOST].require()
    export_memory(small_memory(9), tmp_path)
    shutil.copy(HERE / "power_cuts.c", tmp_path)
    printed = TARGETS[HOST].run(TARGETS[HOST].compile(tmp_path, ["power_cuts.c", *SOURCES]))
    old, new = (int(part.split()[0]) for part in printed.split(","))
    assert old + new == 1000
    assert min(old, new) > 50


@pytest.mark.parametrize("target", [HOST, "cortex-m4", "s390x, big-endian"])
def test_every_mistake_has_its_code_and_changes_nothing(target: str, tmp_path: Path) -> None:
    TARGETS[target].require()
    export_memory(small_memory(), tmp_path)
    shutil.copy(HERE / "refusals.c", tmp_path)
    assert TARGETS[target].run(TARGETS[target].compile(tmp_path, ["refusals.c", *SOURCES])) == ""


@pytest.mark.parametrize("fuzzer", ["fuzz_load.c", "fuzz_serial.c"])
def test_arbitrary_bytes_do_no_harm(fuzzer: str, tmp_path: Path) -> None:
    TARGETS["x86-64 clang sanitizers"].require()
    export_memory(small_memory(), tmp_path)
    for name in (fuzzer, "flash.h"):
        shutil.copy(HERE / name, tmp_path)
    given = ["clang", *STRICT, *SANITIZERS[:1], "-fsanitize=fuzzer,address,undefined", "-fno-sanitize-recover=all"]
    sources = [fuzzer, "insitu_serial.c", "insitu_requests.c", *SOURCES]
    made = subprocess.run([*given, "-o", "fuzz", *sources], cwd=tmp_path, capture_output=True, text=True, check=False)
    if "libclang_rt.fuzzer" in made.stderr:
        pytest.skip("libFuzzer is not installed")
    assert not made.returncode, made.stderr
    flags = [f"-runs={FUZZED}", "-max_len=600", "-seed=1", "-rss_limit_mb=1024"]
    done = subprocess.run(["./fuzz", *flags], cwd=tmp_path, capture_output=True, text=True, check=False)
    assert not done.returncode, f"{done.returncode}: {done.stderr[-2000:]}"


def test_every_flipped_bit_is_noticed() -> None:
    memory = small_memory()
    block, held = memory.block(7), memory.block(7)
    for place in range(8 * len(block)):
        damaged = bytearray(block)
        damaged[place // 8] ^= 1 << place % 8
        with pytest.raises(InsituError):
            memory.load(bytes(damaged))
    assert memory.block(7) == held
    assert memory.load(block) == 7


def test_blocks_of_other_models_and_versions_are_refused() -> None:
    memory, other = small_memory(), small_memory(6)
    with pytest.raises(InsituError, match="not a saved memory"):
        memory.load(other.block())
    moved = memory.block()[:4] + b"\x02\x00" + memory.block()[6:-4]
    with pytest.raises(InsituError, match="another version"):
        memory.load(moved + zlib.crc32(moved).to_bytes(4, "little"))


def sealed(content: bytes) -> bytes:
    return content + zlib.crc32(content).to_bytes(4, "little")


def test_blocks_of_another_byte_order_are_refused() -> None:
    memory, block = small_memory(), small_memory().block()
    numbers = [block[start : start + 2][::-1] for start in range(4, 12, 2)]
    numbers += [block[start : start + 4][::-1] for start in (12, 16)]
    with pytest.raises(InsituError, match="another version"):
        memory.load(sealed(block[:4] + b"".join(numbers) + block[20:-4]))
    assert memory.block() == block


@pytest.mark.parametrize(
    ("place", "value"),
    [
        (20, b"\0\0\0\0\0\0\0\0"),  # examples without a label
        (20, b"\xff\xfe\0\0\0\0\0\0"),  # not UTF-8
        (20, b"too long"),
        (28, b"\0\0\0\0"),  # a label without examples
        (32, b"\x15"),  # an exponent beyond the largest
    ],
)
def test_what_no_device_writes_is_refused_whatever_its_checksum(place: int, value: bytes) -> None:
    memory, block = small_memory(), small_memory().block()
    with pytest.raises(InsituError, match="no device writes"):
        memory.load(sealed(block[:place] + value + block[place + len(value) : -4]))
    assert memory.block() == block


def test_a_block_survives_its_way_and_keeps_every_answer() -> None:
    memory, again = small_memory(), small_memory()
    codes = memory.space.codes(np.random.default_rng(3).standard_normal((50, 6)))
    again.forget("class0")
    again.teach(codes[0], "é")
    assert memory.predict(codes) != again.predict(codes)
    memory.load(again.block())
    assert memory.predict(codes) == again.predict(codes)
    assert memory.block() == again.block()
