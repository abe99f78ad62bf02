"""When the margin of customers has paid for winning them, from their first order on."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from patronage.data.units import MONTH_DAYS
from patronage.marketing.figures import Figure, quotient
from patronage.marketing.forecast_error import error_of_mean
from patronage.marketing.intervals import Z, mean_interval

FloatArray = NDArray[np.float64]

MONTH_PREFIX = "month_"
"""Columns of the forecast value to the end of each month after the last day observed."""

SO_FAR_PREFIX = "so_far_"
"""Columns of the margin to the end of each month after the customer's first order."""

REACHED, NOT_REACHED, NO_MONTHS = "reached", "not_reached", "no_forecast_by_month"


@dataclass(frozen=True)
class Won:
    """Customers won by a channel, beside all, as of a day.

    Attributes
    ----------
    group, everybody
        first_day, so_far, lifetime_value, value, and the columns of months and errors.
    last
        Last day observed.
    """

    group: pd.DataFrame
    everybody: pd.DataFrame
    last: int

    def known(self) -> pd.DataFrame:
        """Give those who have a forecast."""
        return self.group[self.group["value"].notna()]

    def half(self, values: pd.Series[float] | FloatArray, part: float = 1.0) -> float:
        """Half of the interval of a mean, of which the forecast's error has moved that part."""
        low, high = mean_interval(len(values), math.fsum(values), math.fsum(values**2))
        error = error_of_mean(self.known(), self.everybody)
        return float(high - low) / 2 + (0.0 if math.isnan(error) else Z * error * part)


def payback(cumulative_margin: Sequence[float], acquisition_cost: float) -> Figure:
    """First month in which the cumulative margin of a customer reaches CAC.

    Parameters
    ----------
    cumulative_margin
        Margin per customer by the end of month 1, 2, ..., such as the finished cells of
        `cohort_revenue` times margin, or a forecast at those horizons; NaN ends it.
    acquisition_cost
        CAC.

    Returns
    -------
    Figure
        value in months; NaN with the flag "not_reached" where the months given do not do.

    Examples
    --------
    >>> payback([30, 60, 110], 100).value, payback([30, 60], 100).flag
    (3.0, 'not_reached')
    """
    curve = np.asarray(cumulative_margin, dtype=float)
    reached = np.flatnonzero(curve >= acquisition_cost)
    month = float(reached[0] + 1) if len(reached) else math.nan
    return Figure(
        "payback",
        month,
        numerator=float(acquisition_cost),
        unit="months",
        flag="" if len(reached) else NOT_REACHED,
    )


def payback_of(won: Won, price: Figure) -> Figure:
    """Payback of the customers won at a price, with the months in which it may lie.

    Parameters
    ----------
    price
        Their CAC.

    Returns
    -------
    Figure
        value, the first month after the first order by whose end the mean margin, as observed
        and from there on as forecast, reaches CAC. low and high hold the months in which it may,
        given the intervals of both; no high where that runs beyond the forecast.
    """
    known = won.known()
    if price.flag or not len(known):
        return Figure("payback", math.nan, unit="months", flag=price.flag or "zero_denominator")
    margins, parts = _curves(won)
    means = margins.mean(axis=0)
    figure = payback(means.tolist(), price.value)
    so_far = math.fsum(known["so_far"]) / len(known)
    if figure.flag and not _named(known, MONTH_PREFIX):
        figure = replace(figure, flag=NO_MONTHS)
    elif so_far >= price.value and not figure.flag:
        figure = replace(figure, flag=REACHED)
    figure = replace(figure, denominator=so_far, n=len(known))
    if len(known) == 1:
        return figure
    halves = np.array([won.half(m, p) for m, p in zip(margins.T, parts, strict=True)])
    gap = means - price.value
    may = np.flatnonzero(gap >= -np.hypot(halves, price.value - price.low))
    has = np.flatnonzero(gap >= np.hypot(halves, price.high - price.value))
    if not len(may):
        return figure
    # It may have happened at any time of the month at whose end it shows.
    low, high = float(may[0]), float(has[0] + 1) if len(has) else math.nan
    return replace(figure, low=low, high=high, interval="months_within_both")


def _named(table: pd.DataFrame, prefix: str) -> list[str]:
    return [str(name) for name in table if str(name).startswith(prefix)]


def _curves(won: Won) -> tuple[FloatArray, FloatArray]:
    """Margin of each customer by month after the first order, and the forecast's part of it.

    Returns
    -------
    Shape (n_customers, n_months), as far as the forecast of the youngest reaches; and by month,
    the mean that is forecast over the mean of the whole forecast.
    """
    known = won.known()
    age = (won.last - known["first_day"].to_numpy(dtype=float)) / MONTH_DAYS
    so_far = known["so_far"].to_numpy(dtype=float)
    seen = known[_named(known, SO_FAR_PREFIX)].to_numpy(dtype=float)
    ahead = known[_named(known, MONTH_PREFIX)].to_numpy(dtype=float)
    ahead = np.column_stack([np.zeros(len(known)), ahead])
    months = range(1, math.floor(age.min()) + ahead.shape[1])
    columns, parts = [], []
    for month in months:
        later = _at(ahead, np.maximum(month - age, 0.0))
        until = seen[:, min(month, seen.shape[1]) - 1] if seen.shape[1] else np.nan
        columns.append(np.where(month <= age, until, so_far + later))
        parts.append(quotient(float(later.mean()), float(ahead[:, -1].mean())))
    shape = (len(known), len(months))
    margins = np.column_stack(columns) if columns else np.zeros(shape)
    return margins, np.nan_to_num(np.array(parts))


def _at(curve: FloatArray, month: FloatArray) -> Any:  # noqa: ANN401 - an array
    """Value of each row's curve at a month of its own, on the line between whole ones."""
    rows, whole = np.arange(len(curve)), np.floor(month).astype(int)
    above = np.minimum(whole + 1, curve.shape[1] - 1)
    whole = np.minimum(whole, curve.shape[1] - 1)
    start = curve[rows, whole]
    return start + (curve[rows, above] - start) * (month - np.floor(month))
