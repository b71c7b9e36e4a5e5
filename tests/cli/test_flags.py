"""Fields as flags: typed, swapped by name, and every mistake in one line."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal

import pytest

from insitu.cli import flags
from insitu.core import InsituError
from insitu.devices import Device
from insitu.devices.ideal import Ideal
from insitu.devices.pcm_joshi2020 import PcmJoshi2020


@dataclass(frozen=True)
class Inner:
    """What is inside."""

    device: Device = field(default_factory=Ideal)
    bits: int = 8  # of the converter
    exact: bool = False
    scheme: Literal["pair", "single"] = "pair"
    spare: Device | None = None


@dataclass(frozen=True)
class Outer:
    """The whole."""

    inner: Inner = field(default_factory=Inner)
    ages: tuple[float, ...] = (60.0,)  # when it is read
    rate: float = 0.5
    hook: Callable[[float], float] = abs
    note: str = "hidden"

    def __post_init__(self) -> None:
        if self.rate < 0:
            raise InsituError(f"rate is at least 0; got {self.rate}")


def parse(*args: str) -> Outer:
    return flags.parse(Outer(), list(args), prog="insitu run x", hidden={"note"})[0]


def test_no_flags_change_nothing() -> None:
    assert parse() == Outer()


def test_flags_are_typed() -> None:
    got = parse("--inner.bits", "6", "--inner.exact", "--ages", "1", "2.5", "--rate=0.25", "--inner.scheme", "single")
    assert got == Outer(Inner(bits=6, exact=True, scheme="single"), ages=(1.0, 2.5), rate=0.25)


def test_underscores_and_no_are_understood() -> None:
    assert parse("--inner.no-exact").inner.exact is False


def test_a_part_is_swapped_by_name_before_its_own_fields_are_read() -> None:
    got = parse("--inner.device.drift-t0-s", "5", "--inner.device", "pcm_joshi2020")
    assert got.inner.device == PcmJoshi2020(drift_t0_s=5.0)
    assert got.inner.bits == 8


def test_an_optional_part_goes_in_and_out() -> None:
    assert parse("--inner.spare", "ideal").inner.spare == Ideal()
    assert parse("--inner.spare", "none").inner.spare is None
    assert parse("--inner.spare", "ideal", "--inner.spare.step-us", "2").inner.spare == Ideal(step_us=2.0)


def test_extras_are_flags_of_the_command() -> None:
    out = flags.Extra(Path, Path("runs"), "folder")
    record, extras = flags.parse(Outer(), ["--out", "a/b", "--rate", "1"], prog="x", out=out)
    assert extras == {"out": Path("a/b")}
    assert record.rate == 1.0


@pytest.mark.parametrize(
    ("args", "said"),
    [
        (["--inner.bit", "6"], "unknown field --inner.bit; did you mean --inner.bits"),
        (["--note", "x"], "unknown field --note; "),
        (["--hook", "x"], "unknown field --hook; "),
        (["--zzzzzz", "x"], "unknown field --zzzzzz; 'insitu run x --help' lists every field"),
        (["--inner.bits", "six"], "--inner.bits takes a whole number (now 8); got six"),
        (["--inner.bits"], "--inner.bits takes a whole number (now 8); got nothing"),
        (["--inner.bits", "1", "2"], "--inner.bits takes a whole number (now 8); got 1 2"),
        (["--rate", "much"], "--rate takes a number (now 0.5); got much"),
        (["--ages", "1", "x"], "--ages takes values, each a number (now 60.0); got 1 x"),
        (["--inner.scheme", "triple"], "--inner.scheme takes one of pair, single (now pair); got triple"),
        (["--inner.exact", "maybe"], "--inner.exact takes no value"),
        (["--inner.device", "gold"], "--inner.device gold: no such part; the devices are cmo-hfox, ideal, "),
        (["--inner.device"], "--inner.device takes the name of one part: cmo-hfox, ideal, "),
        (["6"], "'6' is not a flag"),
        (["--rate=-1"], "rate is at least 0; got -1"),
    ],
)
def test_a_mistake_is_said_in_one_line(args: list[str], said: str, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(InsituError) as caught:
        parse(*args)
    assert said in str(caught.value)
    assert "\n" not in str(caught.value)
    captured = capsys.readouterr()
    assert captured.out + captured.err == ""


def test_help_shows_fields_comments_and_what_can_be_swapped(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as caught:
        flags.parse(Outer(), ["--help"], prog="insitu run x", title="A table.", hidden={"note"})
    assert caught.value.code == 0
    text = capsys.readouterr().out
    for piece in (
        "A table.",
        "--inner.bits INT",
        "of the converter",
        "when it is read",
        "--inner.device cmo-hfox | ideal | ",
    ):
        assert piece in text
    assert "--note" not in text
    assert "--hook" not in text
