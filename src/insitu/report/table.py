"""What a report consists of: tables, figures and key figures. Sections build them once; views only print them."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Literal, TypeVar

from insitu.report.intervals import Stat

if TYPE_CHECKING:
    from matplotlib.axes import Axes

T = TypeVar("T")
SOME = 24  # rows of a long table that views show
DASH = "–"


@dataclass(frozen=True)
class Cell:
    """A text, or a number with the interval around it."""

    text: str = ""  # shown in place of the number
    value: float | None = None
    interval: tuple[float, float] | None = None
    unit: str = ""
    digits: int = 1
    note: str = ""  # small print: where a figure was published, what a measure means
    mark: Literal["", "heading", "strong", "good", "fair", "bad", "warn", "plain"] = ""

    @staticmethod
    def of(stat: Stat | None, unit: str = "", digits: int = 1) -> Cell:
        """Return the cell of a figure over seeds; a dash where nothing was measured."""
        if stat is None:
            return Cell(DASH)
        low, high = stat["low"], stat["high"]
        return Cell("", stat["median"], None if low is None or high is None else (low, high), unit, digits)

    @property
    def number(self) -> str:
        """The text, or the number with its digits."""
        return self.text or ("" if self.value is None else signed(self.value, self.digits))

    @property
    def suffix(self) -> str:
        """The unit next to the number; a text has its own."""
        return "" if self.text or self.value is None else self.unit

    @property
    def ends(self) -> str:
        """The ends of the interval: '97.9 … 98.4'; '' where there is none, or where they agree."""
        low, high = (signed(end, self.digits) for end in self.interval or (0, 0))
        return f"{low} … {high}" if low != high else ""


@dataclass(frozen=True)
class Heading:
    """What a column is, and how its cells are shown."""

    text: str
    group: str = ""  # stands above this heading and its neighbours of the same group
    interval: bool = False  # intervals stand next to the numbers; else the page shows them on hover
    unit: bool = False  # the unit stands in every cell, because it differs from row to row
    strong: bool = False  # the column that a reader looks for
    words: bool = False  # cells are text that may wrap

    @property
    def whole(self) -> str:
        """The heading with that of its group."""
        return f"{self.group}, {self.text}" if self.group else self.text


@dataclass(frozen=True)
class Table:
    """Rows of cells below headings; the first ``labels`` cells of a row say what it is about."""

    title: str
    headings: list[Heading]
    rows: list[list[Cell]]
    note: str = ""
    labels: int = 1
    place: Literal["open", "folded", "appendix"] = "open"  # folded on the page; an appendix is on no other view

    @property
    def sequence(self) -> bool:
        """Whether rows are about sessions or ages, one after the other."""
        return all(row[0].value is not None for row in self.rows)

    def thinned(self) -> list[list[Cell]]:
        """Return the rows, evenly spaced ones where they are a long sequence."""
        return evenly(self.rows) if self.sequence else self.rows

    def shown(self) -> list[list[Cell]]:
        """Return these rows without labels that repeat the one above."""
        rows = self.thinned()
        if self.labels < 2:
            return rows
        above = ["", *(row[0].text for row in rows)]
        return [
            [replace(row[0], text="") if row[0].text == last else row[0], *row[1:]]
            for last, row in zip(above, rows, strict=False)
        ]

    @property
    def width(self) -> int:
        """How many numbers stand side by side: an interval takes about as much room as one or two."""
        apart = [h.interval and any(row[c].ends for row in self.rows) for c, h in enumerate(self.headings)]
        return len(self.headings) + sum(apart)

    def present(self) -> Table:
        """Return the table without columns in which nothing was measured."""
        empty = {
            c
            for c in range(self.labels, len(self.headings))
            if all(r[c].text in ("", DASH) and r[c].value is None for r in self.rows)
        }

        def kept(items: list[T]) -> list[T]:
            return [item for column, item in enumerate(items) if column not in empty]

        return replace(self, headings=kept(self.headings), rows=[kept(row) for row in self.rows])


@dataclass(frozen=True)
class Figure:
    """A picture: ``draw`` draws it on axes of matplotlib, in the colours of the page (``drawing.colours``)."""

    title: str
    note: str
    draw: Callable[[Axes], None]
    cover: bool = False  # among the first to be written to a file


@dataclass(frozen=True)
class Animation:
    """A moving picture; ``name`` is that of its file."""

    title: str
    note: str
    name: str
    gif: Callable[[], bytes]


@dataclass(frozen=True)
class Picture:
    """A small picture with what it shows; ``jpeg`` is in base64."""

    jpeg: str
    caption: str
    note: str = ""


@dataclass(frozen=True)
class Pictures:
    """Small pictures side by side, on the page alone."""

    title: str
    note: str
    items: list[Picture]


@dataclass(frozen=True)
class KeyFigure:
    """One of the few figures that stand above all tables."""

    name: str
    cell: Cell
    note: str = ""


Block = Table | Figure | Animation | Pictures | KeyFigure


def evenly(items: list[T]) -> list[T]:
    """Return at most ``SOME`` of the items, evenly spaced, the first and the last among them."""
    count = min(len(items), SOME)
    return [items[round(i * (len(items) - 1) / max(count - 1, 1))] for i in range(count)]


def signed(value: float, digits: int) -> str:
    """Write a number with a proper minus sign, and none before a zero."""
    text = f"{value:.{digits}f}"
    return text.removeprefix("-") if float(text) == 0 else text.replace("-", "\u2212")
