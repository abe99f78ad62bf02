"""A chart: static SVG with the words and the table that stand beside it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from patronage.data.write import write_atomically
from patronage.report.format import Format, Unit


@dataclass(frozen=True)
class Caption:
    """What is said about a picture, in the reader's language.

    Attributes
    ----------
    fmt
        How numbers are written; its language is the picture's.
    title
        What it is.
    sentence
        What it shows, made from the numbers.
    n, window, interval
        How many of what were counted, over which days, and what kind of interval is drawn, such
        as "2,357 customers", "1 Oct 1997 to 30 Jun 1998" and "95% interval"; "" where there
        is none. They stand in every mark's hover text.
    bare
        Why there is no interval, such as "counted, not estimated: no interval"; where some marks
        have one, why the others have none.
    key
        Tells pictures with the same content on one page apart.
    """

    fmt: Format
    title: str
    sentence: str = ""
    n: str = ""
    window: str = ""
    interval: str = ""
    bare: str = ""
    key: str = ""

    def note(self) -> str:
        """Say n, window and interval, or why there is none, in one line."""
        told = (self.n, self.window, self.interval or self.bare)
        return " · ".join(part for part in told if part)

    def reach(self, ends: tuple[float, float] | None, unit: Unit = "number") -> str:
        """Say the interval of a mark, or why it has none."""
        if ends is None:
            return self.bare or (self.fmt.bare if self.interval else "")
        told = self.fmt.interval(*ends, unit)
        return f"{self.interval}{self.fmt.colon}{told}" if self.interval else told


@dataclass(frozen=True)
class Series:
    """Values of one thing, one for each label or place of a chart.

    Attributes
    ----------
    name
        Stands in the legend.
    values
        Missing ones (None, NaN) are gaps, not zero.
    low, high
        Ends of each value's interval, where it has one.
    n
        What each value was counted on.
    ink
        Which colour, dash and marker; by default its place among the series. What was measured
        is 0 and what was forecast 1 in every picture of this package.
    """

    name: str
    values: Sequence[Any]
    low: Sequence[Any] | None = None
    high: Sequence[Any] | None = None
    n: Sequence[Any] | None = None
    ink: int | None = None


@dataclass(frozen=True)
class Cells:
    """Values of a table, one row a row of it.

    Attributes
    ----------
    values
        Missing ones (None, NaN) are gaps, not zero.
    low, high
        Ends of each value's interval, where there are any.
    n
        What each value was counted on.
    """

    values: Sequence[Sequence[Any]]
    low: Sequence[Sequence[Any]] | None = None
    high: Sequence[Sequence[Any]] | None = None
    n: Sequence[Sequence[Any]] | None = None


@dataclass(frozen=True)
class Axis:
    """What an axis, or a column of names, is called, and how its values are written.

    Attributes
    ----------
    label
    unit
    mark
        A value at which bars have a line across; the label says what it is.
    """

    label: str = ""
    unit: Unit = "number"
    mark: float | None = None


@dataclass(frozen=True)
class Chart:
    """A picture that stands alone.

    Attributes
    ----------
    svg
        The marks with their axes, for a page that writes title, sentence, note and table around
        it. It scales to its container, has no style attribute (a strict content policy refuses
        them), and its ids are its own.
    picture
        The same with title, sentence and note drawn in: what `save` writes and notebooks show.
    title, sentence, n, window, interval, note
        The words of its `Caption`; note joins n, window and interval.
    header, rows
        The table behind the picture, its cells written in the reader's language.
    """

    title: str
    sentence: str
    n: str
    window: str
    interval: str
    note: str
    header: tuple[str, ...]
    rows: tuple[tuple[str, ...], ...]
    svg: str = field(repr=False)
    picture: str = field(repr=False)

    def save(self, path: str | Path) -> Path:
        """Write the picture as an SVG file, whole or not at all."""
        return write_atomically(
            Path(path), lambda file: Path(file).write_text(self.picture, encoding="utf-8")
        )

    def _repr_svg_(self) -> str:
        return self.picture

    def __repr__(self) -> str:
        whole = self.title if self.title.endswith(("?", "!")) else f"{self.title}."
        return f"<Chart: {' '.join(part for part in (whole, self.sentence) if part)}>"
