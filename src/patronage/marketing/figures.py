"""One figure with all that it needs to be read: what of what, when, and how sure."""

from __future__ import annotations

import math
from collections.abc import Iterable
from dataclasses import asdict, dataclass, fields, replace

import numpy as np
import pandas as pd

from patronage.data.units import Day, to_day
from patronage.marketing.intervals import LEVEL, Interval, count_interval, wilson
from patronage.marketing.periods import NOT_STATED, Period

ZERO_DENOMINATOR = "zero_denominator"
IMMATURE = "immature"
PARTLY_MATURE = "partly_mature"
INCOMPLETE = "incomplete_period"
NO_HISTORY = "no_history"


@dataclass(frozen=True)
class Figure:
    """A number with its parts.

    Attributes
    ----------
    metric
        Name, as in the glossary.
    value
        numerator / denominator, NaN where the denominator is zero or nothing is mature.
    low, high
        95% interval by `interval`; NaN where there is none.
    numerator, denominator
        What was divided by what.
    n
        Independent units behind the figure (customers, leads, answers).
    n_left_out
        Units on neither side because their window was not over.
    unit
        share, currency, ratio, days, count, points.
    window
        First and last day, both included.
    window_days
        Days that each unit is followed, or looked back on; NaN where the window alone bounds it.
    timezone, currency
        Of the days and the money.
    interval
        How low and high were made; empty where there are none.
    flag
        What to know before using it: zero_denominator, immature, partly_mature,
        incomplete_period, no_history (orders begin too late to say who was there before);
        several with commas between; empty where nothing is wrong.
    group
        Value of the breakdown, empty for the whole.
    """

    metric: str
    value: float
    low: float = math.nan
    high: float = math.nan
    numerator: float = math.nan
    denominator: float = math.nan
    n: int = 0
    n_left_out: int = 0
    unit: str = "ratio"
    window: str = NOT_STATED
    window_days: float = math.nan
    timezone: str = NOT_STATED
    currency: str = NOT_STATED
    interval: str = ""
    flag: str = ""
    group: str = ""

    def over(self, period: Period) -> Figure:
        """Return the same figure with the window, time zone and currency of a period."""
        return replace(self, window=str(period), timezone=period.timezone, currency=period.currency)

    def flagged(self, flag: str) -> Figure:
        """Return the same figure with one more flag.

        Examples
        --------
        >>> ratio("roas", 1, 0, n=3).flagged("incomplete_period").flag
        'zero_denominator,incomplete_period'
        """
        flags = [*filter(None, self.flag.split(",")), *filter(None, [flag])]
        return replace(self, flag=",".join(dict.fromkeys(flags)))


def quotient(numerator: float, denominator: float) -> float:
    """Divide, with NaN for a zero or missing denominator.

    Examples
    --------
    >>> quotient(50_000, 500), quotient(1, 0)
    (100.0, nan)
    """
    if not denominator or math.isnan(denominator):
        return math.nan
    return float(numerator) / float(denominator)


def ratio(  # noqa: PLR0913 - a figure has that many parts
    metric: str,
    numerator: float,
    denominator: float,
    *,
    n: int,
    unit: str = "ratio",
    bounds: Interval | None = None,
    interval: str = "",
) -> Figure:
    """Figure of one total over another, flagged where the denominator is zero.

    Examples
    --------
    >>> ratio("roas", 300.0, 0.0, n=3).flag
    'zero_denominator'
    """
    value = quotient(numerator, denominator)
    known = bounds is not None and not math.isnan(value) and not math.isnan(float(bounds.low))
    return Figure(
        metric,
        value,
        low=float(bounds.low) if known and bounds else math.nan,
        high=float(bounds.high) if known and bounds else math.nan,
        numerator=float(numerator),
        denominator=float(denominator),
        n=int(n),
        unit=unit,
        interval=interval if known else "",
        flag=ZERO_DENOMINATOR if math.isnan(value) else "",
    )


def made_by(way: str, bounds: Interval) -> str:
    """Name how an interval was made; empty where the data say nothing about the spread."""
    return "" if math.isnan(float(bounds.low)) else way


def share(metric: str, successes: float, trials: float, *, n_left_out: int = 0) -> Figure:
    """Figure of a share with Wilson's interval.

    Examples
    --------
    >>> figure = share("conversion_rate", 80, 500, n_left_out=12)
    >>> figure.value, round(figure.low, 4), round(figure.high, 4), figure.n_left_out
    (0.16, 0.1305, 0.1947, 12)
    """
    figure = ratio(
        metric,
        successes,
        trials,
        n=int(trials),
        unit="share",
        bounds=wilson(successes, trials),
        interval="wilson",
    )
    flag = figure.flag
    if n_left_out:
        flag = PARTLY_MATURE if trials else IMMATURE
    return replace(figure, n_left_out=int(n_left_out), flag=flag)


def per_unit_cost(metric: str, cost: float, count: float) -> Figure:
    """Cost of one; the interval takes the cost as known and the count as Poisson.

    Examples
    --------
    >>> figure = per_unit_cost("cac", 50_000, 500)
    >>> figure.value, round(figure.low, 2), round(figure.high, 2)
    (100.0, 91.61, 109.38)
    """
    fewest, most = count_interval(count)
    figure = ratio(metric, cost, count, n=int(count), unit="currency")
    if not count:
        return figure
    return replace(
        figure,
        low=quotient(cost, float(most)),
        high=quotient(cost, float(fewest)),
        interval="poisson",
    )


def to_frame(figures: Iterable[Figure]) -> pd.DataFrame:
    """Return one row a figure, columns as the attributes of `Figure`, in its order.

    Behind low and high stands `level`, their confidence; NaN where there is no interval.
    """
    names = [field.name for field in fields(Figure)]
    table = pd.DataFrame([asdict(figure) for figure in figures], columns=names)
    table["level"] = interval_level(table["low"], table["high"])
    first = ["metric", "group", "value", "low", "high", "level"]
    return table[[*first, *[name for name in names if name not in first]]]


def stamped(
    figures: Iterable[Figure], period: Period, as_of: Day, *, flag: str = ""
) -> pd.DataFrame:
    """Put figures of a period into a table, with its days and what to know before using them.

    Parameters
    ----------
    as_of
        Last day observed; a period that ends later is flagged "incomplete_period".
    flag
        Of all of them, such as "no_history".
    """
    cut = INCOMPLETE if period.last_day > to_day(as_of) else ""
    return to_frame(figure.over(period).flagged(cut).flagged(flag) for figure in figures)


def interval_level(low: pd.Series[float], high: pd.Series[float]) -> pd.Series[float]:
    """Confidence of intervals with these ends, NaN where there are none."""
    known = low.notna() | high.notna()
    return pd.Series(np.where(known, LEVEL, np.nan), index=low.index)
