"""What a channel's customers are worth beside what they cost: LTV:CAC and payback."""

from __future__ import annotations

import math
from dataclasses import replace
from typing import NamedTuple

import numpy as np
import pandas as pd
from narwhals.stable.v2.typing import IntoFrame

from patronage.data.units import MONTH_DAYS, Day, to_day
from patronage.marketing.acquisition import CUSTOMER, costs_by_channel, history_flag, no_cost
from patronage.marketing.cohort_forecast import SUMMARY, Forecaster
from patronage.marketing.engines import same_id_kind
from patronage.marketing.figures import Figure, per_unit_cost, quotient, ratio, stamped
from patronage.marketing.forecast_error import ERROR_PREFIX, error_of_mean, forecast_errors
from patronage.marketing.intervals import Interval
from patronage.marketing.payback import MONTH_PREFIX, SO_FAR_PREFIX, Won, payback_of
from patronage.marketing.periods import Period

AS_KNOWN = "forecast_as_known"


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
        As in `acquisition_figures`; payback needs the columns so_far_1, ... of
        `acquired_customers`.
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
        forecast of the customers won), cac, ltv_to_cac (their ratio, its interval from both by
        the delta method), payback (first month after the first order by whose end the mean
        margin so far, and from the last day observed on forecast, reaches CAC; flag "reached"
        where it had by `as_of`, "not_reached" where the forecast ends before,
        "no_forecast_by_month" where there is none beyond today).

    Notes
    -----
    The interval of lifetime_value is that of what such customers bring on average: Student's
    over the customers, and beside it the error of the model's parameters from the columns
    error_1, ... of `value_by_month`. Both come of the same customers and move together, so
    their sizes are added. Without these columns the forecast is taken as known, and flagged so:
    "forecast_as_known". The interval of payback holds the months in which the mean margin may
    reach CAC, given both intervals; without a high it ends beyond the forecast.
    """
    same_id_kind(acquired[CUSTOMER], forecasts[CUSTOMER], names=("transactions", "forecasts"))
    months = [name for name in forecasts if str(name).startswith(MONTH_PREFIX)]
    errors = [name for name in forecasts if str(name).startswith(ERROR_PREFIX)]
    columns = [CUSTOMER, "lifetime_value", *months, *errors]
    joined = acquired.merge(forecasts[columns], on=CUSTOMER, how="left")
    so_far = joined["margin"] if "margin" in joined else joined["revenue"] * margin
    joined = joined.assign(so_far=so_far, value=so_far + joined["lifetime_value"])
    if "margin" not in acquired:
        observed = [str(name) for name in joined if str(name).startswith(SO_FAR_PREFIX)]
        joined[observed] = joined[observed] * margin
    costs = costs_by_channel(spend, period, as_of)
    whole = Won(joined, joined, to_day(as_of))
    figures = _economics(whole, math.fsum(costs), "")
    for channel in sorted({*costs.index, *acquired["channel"]}):
        group = replace(whole, group=joined[joined["channel"] == channel])
        figures += _economics(group, float(costs.get(channel, 0.0)), str(channel))
    return stamped(figures, period, as_of, flag=history_flag(acquired))


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
        customer_id, month_1, ... cumulative, lifetime_value, that of the last month, and
        error_1, ...: how it moves with the model's parameters
        (`patronage.marketing.forecast_error`), where these have a variance.
    """
    columns: dict[str, pd.Series[float]] = {}
    for month in range(1, months + 1):
        forecast = model.predict(
            summary[SUMMARY], time_unit="days", horizon_days=month * MONTH_DAYS
        )
        columns[f"{MONTH_PREFIX}{month}"] = forecast["lifetime_value"]
    table = pd.DataFrame(columns).assign(lifetime_value=columns[f"{MONTH_PREFIX}{months}"])
    errors = forecast_errors(summary[SUMMARY], model, horizon_days=months * MONTH_DAYS)
    table = pd.concat([table, errors], axis=1)
    table.insert(0, CUSTOMER, summary[CUSTOMER].to_numpy())
    return table


def _economics(won: Won, cost: float, channel: str) -> list[Figure]:
    known, n_won = won.known(), len(won.group)
    n, total = len(known), math.fsum(known["value"])
    half = won.half(known["value"])
    mean = quotient(total, n)
    bounds = Interval(np.asarray(mean - half), np.asarray(mean + half))
    is_known = math.isnan(error_of_mean(known, won.everybody))
    made = "student" if is_known else "student_and_parameters"
    value = ratio("lifetime_value", total, n, n=n, unit="currency", bounds=bounds, interval=made)
    value = replace(value, n_left_out=n_won - n).flagged(AS_KNOWN if is_known and n else "")
    price = per_unit_cost("cac", cost, n_won) if cost else no_cost("cac", n_won)
    figures = [value, price, _value_to_cost(value, price), payback_of(won, price)]
    return [replace(figure, group=channel) for figure in figures]


def _value_to_cost(value: Figure, price: Figure) -> Figure:
    figure = ratio("ltv_to_cac", value.value, price.value, n=value.n)
    ends = (value.low, value.high, price.low, price.high, figure.value)
    if any(map(math.isnan, ends)):
        return figure
    if value.low > 0:
        down = math.hypot(math.log(value.value / value.low), math.log(price.high / price.value))
        up = math.hypot(math.log(value.high / value.value), math.log(price.value / price.low))
        low, high, made = figure.value * math.exp(-down), figure.value * math.exp(up), "delta_log"
    else:
        half = (value.high - value.low) / 2 / price.value
        down = math.hypot(half, figure.value * (1 - price.value / price.high))
        up = math.hypot(half, figure.value * (price.value / price.low - 1))
        low, high, made = figure.value - down, figure.value + up, "delta"
    return replace(figure, low=low, high=high, interval=made, flag=figure.flag or value.flag)
