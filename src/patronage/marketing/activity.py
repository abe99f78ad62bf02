"""Who is there, who comes back, who leaves: activity, repurchase, churn and retention rates."""

from __future__ import annotations

import math
from dataclasses import replace

import narwhals.stable.v2 as nw
import pandas as pd
from narwhals.stable.v2.typing import IntoFrame

from patronage.data.frames import frame_of
from patronage.data.units import Day, to_day
from patronage.errors import SpecError
from patronage.features.rfm import Returns, purchase_days
from patronage.marketing.engines import collected, has_column, label_of
from patronage.marketing.figures import Figure, ratio, share, stamped
from patronage.marketing.history import ACTIVE_DAYS, check_active_days, unknown_before
from patronage.marketing.intervals import (
    Interval,
    clustered_wilson,
    count_interval,
    total_interval,
)
from patronage.marketing.periods import Period

CUSTOMER = "customer_id"
WEEK, MONTH = 7, 30


def activity(
    events: IntoFrame, *, period: Period, as_of: Day, by: str | None = None
) -> pd.DataFrame:
    """Daily, weekly and monthly active units, and stickiness, on any events.

    Parameters
    ----------
    events
        customer_id or unit_id, and day: orders, steps or touches. pandas, polars or DuckDB.
        Where there is an amount, refunds (below zero) are no activity.
    period
        Its last day is the day that weeks and months end on.
    as_of
        Last day observed.
    by
        Column to break down by, such as channel.

    Returns
    -------
    pandas.DataFrame
        Figures, the whole first: wau and mau (distinct units in the 7 and 30 days to the last
        day of the period, Poisson), dau (mean over the period's days, compound Poisson over
        units), stickiness (mean dau of the 30 days / mau: the share of the month's days on which
        an active unit is there; Wilson's over units). window_days says of how many days.

    Examples
    --------
    >>> events = pd.DataFrame({"customer_id": ["a", "a", "b"], "day": [1, 30, 28]})
    >>> table = activity(events, period=Period(1, 30), as_of=30)
    >>> table.set_index("metric")["value"].round(3).to_dict()
    {'dau': 0.1, 'wau': 2.0, 'mau': 2.0, 'stickiness': 0.05}
    """
    frame = frame_of(events, "day", *([by] if by else []), name="events")
    unit = CUSTOMER if has_column(frame, CUSTOMER) else "unit_id"
    frame_of(events, unit, name="events")
    last, day = period.last_day, nw.col("day")
    month_start = last - MONTH + 1
    start, end = min(period.first_day, month_start), min(last, to_day(as_of))
    seen = frame.filter(day >= start, day <= end, ~nw.col(unit).is_null())
    if has_column(frame, "amount"):
        seen = seen.filter(nw.col("amount") >= 0)
    days = seen.select(unit, "day", group=label_of(by) if by else nw.lit("")).unique()
    one, zero = nw.lit(1), nw.lit(0)
    counted = days.with_columns(
        in_period=nw.when(day >= period.first_day).then(one).otherwise(zero),
        in_week=nw.when(day > last - WEEK).then(one).otherwise(zero),
        in_month=nw.when(day >= month_start).then(one).otherwise(zero),
    )
    names = ["in_period", "in_week", "in_month"]
    figures = []
    wholes = [counted.drop("group").unique(subset=[unit, "day"]).with_columns(group=nw.lit(""))]
    for view in wholes + ([counted] if by else []):
        sums = view.group_by(unit, "group").agg(*[nw.col(name).sum() for name in names])
        table = collected(sums, *names)
        parts = list(table.groupby("group", sort=True)) or [("", table)]
        figures += [f for name, part in parts for f in _active(part, str(name), period)]
    return stamped(figures, period, as_of)


def repurchase_rate(
    transactions: IntoFrame,
    *,
    period: Period,
    as_of: Day,
    window_days: int,
    active_days: int = ACTIVE_DAYS,
    returns: Returns = "net",
) -> pd.DataFrame:
    """Share of the customers won in the period who bought again within the window.

    Parameters
    ----------
    transactions
        Order lines as `read_table` gives them.
    period
        Days of the first purchase.
    as_of
        Last day observed. Customers whose window is not over leave both sides and are counted.
    window_days
        A second purchase day within (first day, first day + window_days]. Several orders on the
        first day are one purchase.
    active_days
        Flag "no_history" where the orders begin less than so many days before the period, so
        that some first purchases are not the first.

    Returns
    -------
    pandas.DataFrame
        One figure with Wilson's interval.

    Examples
    --------
    >>> orders = pd.DataFrame({"customer_id": ["a", "a", "b", "c"], "day": [0, 9, 1, 8],
    ...                        "amount": 10_000})
    >>> table = repurchase_rate(orders, period=Period(0, 9), as_of=11, window_days=10)
    >>> table[["value", "numerator", "denominator", "n_left_out"]].to_dict("records")
    [{'value': 0.5, 'numerator': 1.0, 'denominator': 2.0, 'n_left_out': 1}]
    """
    if window_days < 1:
        raise SpecError(f"window_days is {window_days}; use 1 or more.")
    days = frame_of(purchase_days(transactions, as_of=as_of, returns=returns), name="transactions")
    day, first = nw.col("day"), nw.col("first_day")
    is_back = (day > first) & (day <= first + window_days)
    customers = (
        days.with_columns(first_day=day.min().over(CUSTOMER))
        .with_columns(back=nw.when(is_back).then(nw.lit(1)).otherwise(nw.lit(0)))
        .filter(first >= period.first_day, first <= period.last_day)
        .group_by(CUSTOMER)
        .agg(first.min(), nw.col("back").max())
    )
    table = collected(customers, "first_day", "back")
    mature = table["first_day"] + window_days <= to_day(as_of)
    back = int(table.loc[mature, "back"].sum())
    left_out = int((~mature).sum())
    figure = share("repurchase_rate", back, int(mature.sum()), n_left_out=left_out)
    flag = unknown_before(transactions, period, active_days=active_days)
    return stamped([replace(figure, window_days=window_days)], period, as_of, flag=flag)


def churn_rate(
    transactions: IntoFrame,
    *,
    period: Period,
    as_of: Day,
    active_days: int = ACTIVE_DAYS,
    returns: Returns = "net",
) -> pd.DataFrame:
    """Churn and retention where customers never say that they leave.

    Parameters
    ----------
    transactions, as_of, returns
        As in `repurchase_rate`.
    period
        A customer of its start bought within the `active_days` before it. One is lost who has
        bought nothing in the `active_days` up to the period's last day: whose silence has come
        to be that long within the period.
    active_days
        How long a purchase makes a customer. Half a year and a year are usual; the rate hangs on
        it, so keep it when comparing.

    Returns
    -------
    pandas.DataFrame
        Figures churn_rate (lost / customers at the start) and retention_rate, with Wilson's
        interval. Where the period is not over, nobody can be called lost: all are left out.
        Flag "no_history" where the orders begin less than `active_days` before the period:
        customers of its start are missing.
    """
    check_active_days(active_days)
    start, last = period.first_day, period.last_day
    cut = min(last, to_day(as_of))
    days = frame_of(purchase_days(transactions, as_of=cut, returns=returns), name="transactions")
    day = nw.col("day")
    one, zero = nw.lit(1), nw.lit(0)
    customers = (
        days.filter(day >= start - active_days)
        .with_columns(
            before=nw.when(day < start).then(one).otherwise(zero),
            still=nw.when(day > last - active_days).then(one).otherwise(zero),
        )
        .group_by(CUSTOMER)
        .agg(nw.col("before").max(), nw.col("still").max())
    )
    table = collected(customers, "before", "still")
    at_start = table[table["before"] == 1]
    figures = _lost_and_kept(int((at_start["still"] == 0).sum()), len(at_start), period, as_of)
    flag = unknown_before(transactions, period, active_days=active_days)
    windowed = (replace(figure, window_days=active_days) for figure in figures)
    return stamped(windowed, period, as_of, flag=flag)


def subscription_churn(subscriptions: IntoFrame, *, period: Period, as_of: Day) -> pd.DataFrame:
    """Churn and retention of subscriptions, which do say when they end.

    Parameters
    ----------
    subscriptions
        customer_id, started_day, ended_day (null while alive), as `read_table` gives them.
    period
        A customer of its start began before it and had not ended before it; one is lost who
        has no subscription left on the last day. A change of plan is no loss.
    as_of
        Last day observed.

    Returns
    -------
    pandas.DataFrame
        As from `churn_rate`.
    """
    names = (CUSTOMER, "started_day", "ended_day")
    table = collected(frame_of(subscriptions, *names, name="subscriptions").select(*names))
    ended = table["ended_day"].astype(float).fillna(math.inf)
    at_start = (table["started_day"] < period.first_day) & (ended >= period.first_day)
    at_end = (table["started_day"] <= period.last_day) & (ended > period.last_day)
    customers = table.loc[at_start, CUSTOMER].drop_duplicates()
    kept = customers.isin(table.loc[at_end, CUSTOMER])
    return stamped(_lost_and_kept(int((~kept).sum()), len(customers), period, as_of), period, as_of)


def _lost_and_kept(lost: int, n: int, period: Period, as_of: Day) -> list[Figure]:
    if period.last_day > to_day(as_of):
        names = ("churn_rate", "retention_rate")
        return [replace(share(name, 0, 0, n_left_out=n), flag="") for name in names]
    return [share("churn_rate", lost, n), share("retention_rate", n - lost, n)]


def _active(table: pd.DataFrame, group: str, period: Period) -> list[Figure]:
    days = math.fsum(table["in_period"])
    ends = total_interval(table["in_period"])
    bounds = Interval(ends.low / period.days, ends.high / period.days)
    seen = int((table["in_period"] > 0).sum())
    dau = ratio(
        "dau", days, period.days, n=seen, unit="count", bounds=bounds, interval="compound_poisson"
    )
    figures = [replace(dau, window_days=1)]
    for metric, column, span in (("wau", "in_week", WEEK), ("mau", "in_month", MONTH)):
        count = int((table[column] > 0).sum())
        low, high = count_interval(count)
        active = Figure(metric, float(count), float(low), float(high), numerator=float(count))
        active = replace(active, n=count, unit="count", interval="poisson", window_days=span)
        figures.append(active)
    month = table[table["in_month"] > 0]["in_month"]
    stickiness = ratio(
        "stickiness",
        math.fsum(month) / MONTH,
        len(month),
        n=len(month),
        unit="share",
        bounds=clustered_wilson(month, month * 0 + MONTH),
        interval="wilson_by_customer",
    )
    figures.append(replace(stickiness, window_days=MONTH))
    return [replace(figure, group=group) for figure in figures]
