"""What a channel's customers are worth beside what they cost: LTV:CAC and payback."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import replace
from typing import NamedTuple

import numpy as np
import pandas as pd
from narwhals.stable.v2.typing import IntoFrame

from patronage.data.units import MONTH_DAYS, Day, to_day
from patronage.marketing.acquisition import CUSTOMER, costs_by_channel, no_cost, stamped
from patronage.marketing.cohort_forecast import SUMMARY, Forecaster
from patronage.marketing.engines import same_id_kind
from patronage.marketing.figures import Figure, per_unit_cost, ratio
from patronage.marketing.intervals import mean_interval
from patronage.marketing.periods import Period

MONTH_PREFIX = "month_"
REACHED, NOT_REACHED, NO_MONTHS = "reached", "not_reached", "no_forecast_by_month"


class Forecasts(NamedTuple):
    """Forecasts of lifetime value, and the margin that they were made with.

    Attributes
    ----------
    table
        customer_id, lifetime_value, and month_1, month_2, ... as from `value_by_month`.
    margin
        Share of revenue that is margin.
    """

    table: pd.DataFrame
    margin: float


def channel_economics(
    acquired: pd.DataFrame,
    forecasts: pd.DataFrame,
    spend: IntoFrame,
    *,
    period: Period,
    as_of: Day,
    margin: float,
) -> pd.DataFrame:
    """LTV:CAC by channel of acquisition, from what customers brought and our forecast.

    Parameters
    ----------
    acquired, spend, period, as_of
        As in `acquisition_figures`.
    forecasts
        customer_id and lifetime_value, as the score table has them: the margin to come after
        `as_of`; and month_1, month_2, ... from `value_by_month`, for payback. Customers without
        a forecast are left out of LTV and counted.
    margin
        Share of the revenue so far that is margin, where the lines carry no margin; use the one
        that the lifetime-value model was given, or so far and forecast do not add.

    Returns
    -------
    pandas.DataFrame
        Figures, blended first, then each channel: lifetime_value (mean margin so far and
        forecast of the customers won, Student's interval), cac, ltv_to_cac (their ratio, its
        interval from both by the delta method on logarithms), payback (months from the first
        order until the mean margin so far and forecast reaches CAC; flag "reached" where it had
        by `as_of`, the months then being an upper bound, and "not_reached" where the forecast
        ends before, "no_forecast_by_month" where there is none beyond today).
    """
    same_id_kind(acquired[CUSTOMER], forecasts[CUSTOMER], names=("transactions", "forecasts"))
    months = [name for name in forecasts if str(name).startswith(MONTH_PREFIX)]
    columns = [CUSTOMER, "lifetime_value", *months]
    joined = acquired.merge(forecasts[columns], on=CUSTOMER, how="left")
    so_far = joined["margin"] if "margin" in joined else joined["revenue"] * margin
    joined = joined.assign(so_far=so_far, value=so_far + joined["lifetime_value"])
    costs = costs_by_channel(spend, period, as_of)
    figures = _economics(joined, math.fsum(costs), "", to_day(as_of))
    for channel in sorted({*costs.index, *acquired["channel"]}):
        group = joined[joined["channel"] == channel]
        figures += _economics(group, float(costs.get(channel, 0.0)), str(channel), to_day(as_of))
    return stamped(figures, period, as_of)


def value_by_month(summary: pd.DataFrame, model: Forecaster, *, months: int = 24) -> pd.DataFrame:
    """Forecast each customer's lifetime value to the end of each of the next months.

    Parameters
    ----------
    summary
        customer_id, frequency, recency, T (days), monetary_value, as from `rfm_summary`.
    model
        A fitted `LifetimeValue`; its discount and margin apply.
    months
        Of 30.4375 days.

    Returns
    -------
    pandas.DataFrame
        customer_id, month_1, ... cumulative, and lifetime_value, that of the last month.
    """
    columns: dict[str, pd.Series[float]] = {}
    for month in range(1, months + 1):
        forecast = model.predict(
            summary[SUMMARY], time_unit="days", horizon_days=month * MONTH_DAYS
        )
        columns[f"{MONTH_PREFIX}{month}"] = forecast["lifetime_value"]
    table = pd.DataFrame(columns)
    table.insert(0, CUSTOMER, summary[CUSTOMER].to_numpy())
    return table.assign(lifetime_value=table[f"{MONTH_PREFIX}{months}"])


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


def _economics(group: pd.DataFrame, cost: float, channel: str, last: int) -> list[Figure]:
    known = group["value"].dropna()
    n, total = len(known), math.fsum(known)
    bounds = mean_interval(n, total, math.fsum(known**2))
    value = ratio(
        "lifetime_value", total, n, n=n, unit="currency", bounds=bounds, interval="student"
    )
    value = replace(value, n_left_out=len(group) - n)
    price = per_unit_cost("cac", cost, len(group)) if cost else no_cost("cac", len(group))
    figures = [value, price, _value_to_cost(value, price), _payback(group, price, last)]
    return [replace(figure, group=channel) for figure in figures]


def _value_to_cost(value: Figure, price: Figure) -> Figure:
    figure = ratio("ltv_to_cac", value.value, price.value, n=value.n)
    positive = value.low > 0 and price.low > 0
    if not positive or math.isnan(figure.value):
        return figure
    down = math.hypot(math.log(value.value / value.low), math.log(price.high / price.value))
    up = math.hypot(math.log(value.high / value.value), math.log(price.value / price.low))
    low, high = figure.value * math.exp(-down), figure.value * math.exp(up)
    return replace(figure, low=low, high=high, interval="delta_log")


def _payback(group: pd.DataFrame, price: Figure, last: int) -> Figure:
    known = group[group["value"].notna()]
    if price.flag or not len(known):
        return Figure("payback", math.nan, unit="months", flag=price.flag or "zero_denominator")
    age = (last - math.fsum(known["first_day"]) / len(known)) / MONTH_DAYS
    so_far = math.fsum(known["so_far"]) / len(known)
    months = [name for name in known if str(name).startswith(MONTH_PREFIX)]
    ahead = [so_far + math.fsum(known[month]) / len(known) for month in months]
    figure = payback(ahead, price.value)
    if so_far >= price.value:
        figure = replace(figure, value=age, flag=REACHED)
    elif not months:
        figure = replace(figure, value=math.nan, flag=NO_MONTHS)
    elif not figure.flag:
        figure = replace(figure, value=age + figure.value)
    return replace(figure, denominator=so_far, n=len(known))
