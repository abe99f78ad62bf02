"""Series made ready to draw: plain numbers, the table behind them, what hover tells."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

from patronage.errors import SpecError
from patronage.report.canvas import clean
from patronage.report.format import Format, Unit
from patronage.report.picture import Caption, Series
from patronage.report.scales import NOTHING, drawable

NAN = float("nan")


@dataclass(frozen=True)
class Drawn:
    """A series of plain numbers, gaps as NaN."""

    name: str
    values: list[float]
    low: list[float]
    high: list[float]
    n: list[float]
    ink: int
    has_interval: bool
    has_n: bool

    def interval(self, place: int) -> tuple[float, float] | None:
        """Give the ends of a value's interval, in order; None where either is missing."""
        ends = sorted((self.low[place], self.high[place]))
        return (ends[0], ends[1]) if all(map(drawable, ends)) else None

    def reach(self) -> list[float]:
        """Every number that needs a place."""
        ends = [end for place in range(len(self.values)) for end in self.interval(place) or ()]
        return [value for value in self.values if drawable(value)] + ends


def ready(series: Sequence[Series], count: int, caption: Caption) -> list[Drawn]:
    """Make series ready.

    Raises
    ------
    SpecError
        If one has not a value for each label.
    """
    return [_ready(one, place, count, caption.title) for place, one in enumerate(series)]


def _ready(one: Series, place: int, count: int, title: str) -> Drawn:
    parts = (one.values, one.low, one.high, one.n)
    for part in parts:
        if part is not None and len(part) != count:
            raise SpecError(
                f"chart {title!r}: series {one.name!r} has {len(part):,} values for {count:,} "
                "labels; give one each, None where there is none."
            )
    values, low, high, n = ([NAN] * count if part is None else numbers(part) for part in parts)
    return Drawn(
        clean(one.name), values, low, high, n, place if one.ink is None else one.ink,
        has_interval=one.low is not None and one.high is not None, has_n=one.n is not None,
    )  # fmt: skip


def numbers(values: Sequence[Any]) -> list[float]:
    """Plain numbers; what is missing or has no place becomes NaN.

    Examples
    --------
    >>> numbers([1, None, float("inf"), 2.5])
    [1.0, nan, nan, 2.5]
    """
    return [_number(value) for value in values]


def _number(value: Any) -> float:  # noqa: ANN401 - of any library
    try:
        found = float(value)
    except TypeError:
        # None, and the missing values of pandas.
        return NAN
    except ValueError:
        raise SpecError(
            f"a chart was given {value!r}, which is no number; None is a gap."
        ) from None
    if abs(found) < NOTHING:
        return 0.0
    return found if drawable(found) else NAN


def table_of(
    labels: Sequence[str], series: Sequence[Drawn], label: str, unit: Unit, fmt: Format
) -> tuple[list[str], list[list[str]]]:
    """Header and rows of the table behind a chart of series."""
    header, rows = [label], [[name] for name in labels]
    for one in series:
        prefix = f"{one.name}{fmt.colon}" if len(series) > 1 else ""
        header.append(one.name)
        for row, value in zip(rows, one.values, strict=True):
            row.append(fmt.show(value, unit))
        if one.has_interval:
            header += [prefix + fmt.low, prefix + fmt.high]
            for row, low, high in zip(rows, one.low, one.high, strict=True):
                row += [fmt.show(low, unit), fmt.show(high, unit)]
        if one.has_n:
            header.append(prefix + fmt.n)
            for row, n in zip(rows, one.n, strict=True):
                row.append(fmt.count(n))
    return header, rows


def hover(caption: Caption, label: str, one: Drawn, place: int, unit: Unit) -> str:
    """Say what a mark says on hover: label, value, interval, n and window."""
    fmt = caption.fmt
    value = fmt.show(one.values[place], unit)
    told = [label, f"{one.name}{fmt.colon}{value}" if one.name else value]
    told.append(caption.reach(one.interval(place), unit))
    told.append(counted_on(caption, one.n[place]))
    return " · ".join(part for part in (*told, caption.window) if part)


def counted_on(caption: Caption, n: float) -> str:
    """Say on how many a mark was counted; those of the whole picture where it is not known."""
    fmt = caption.fmt
    return fmt.counted.format(n=fmt.count(n)) if drawable(n) else caption.n


def runs(places: Sequence[int]) -> Iterator[list[int]]:
    """Split places into stretches without a gap.

    Examples
    --------
    >>> list(runs([0, 1, 3, 4, 5]))
    [[0, 1], [3, 4, 5]]
    """
    stretch: list[int] = []
    for place in places:
        if stretch and place != stretch[-1] + 1:
            yield stretch
            stretch = []
        stretch.append(place)
    if stretch:
        yield stretch
