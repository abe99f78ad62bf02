"""What it costs to win customers, and what they bring: CAC, ROAS, ROI.

Costs are taken as known; the interval of a cost per customer is that of the count (Poisson).
Nothing here says that a channel caused a customer: `patronage.attribution` divides credit, and
`patronage.abtest` measures effects.
"""

from __future__ import annotations

import math
from dataclasses import replace

import narwhals.stable.v2 as nw
import pandas as pd
from narwhals.stable.v2.typing import IntoFrame

from patronage.data.frames import Frame, frame_of
from patronage.data.units import MONEY_SCALE, Day, to_day
from patronage.errors import SpecError
from patronage.marketing.engines import collected, group_labels, has_column, same_id_kind, within
from patronage.marketing.figures import NO_HISTORY, Figure, per_unit_cost, ratio, stamped
from patronage.marketing.history import ACTIVE_DAYS, unknown_before
from patronage.marketing.intervals import Interval, total_interval
from patronage.marketing.payback import SO_FAR_PREFIX
from patronage.marketing.periods import Period

CUSTOMER = "customer_id"
GAINS = ("revenue", "margin")


def cac(cost: float, customers: float) -> Figure:
    """Divide marketing and sales cost by new customers: customer acquisition cost.

    Examples
    --------
    >>> cac(50_000, 500).value, cac(80_000, 400).value, cac(20_000, 50).value
    (100.0, 200.0, 400.0)
    """
    return per_unit_cost("cac", cost, customers)


def roas(revenue: float, cost: float) -> Figure:
    """Return on advertising spend: revenue / cost.

    Examples
    --------
    >>> roas(40_000, 10_000).value
    4.0
    """
    return ratio("roas", revenue, cost, n=0)


def roi(gain: float, cost: float, *, basis: str = "revenue", metric: str = "roi") -> Figure:
    """Return on investment: (gain - cost) / cost.

    Parameters
    ----------
    gain
        Revenue or margin that the cost brought.
    basis : "revenue" or "margin"
        Which of them; it becomes part of the metric's name, as the two differ widely.
    metric : "roi" or "romi"
        ROMI is the same with marketing's cost alone.

    Examples
    --------
    >>> figure = roi(150_000, 50_000, basis="margin", metric="romi")
    >>> figure.metric, figure.value
    ('romi_on_margin', 2.0)
    """
    if basis not in GAINS:
        raise SpecError(f"basis is {basis!r}; use revenue or margin.")
    figure = ratio(f"{metric}_on_{basis}", float(gain) - cost, cost, n=0)
    return replace(figure, unit="share")


def acquired_customers(
    transactions: IntoFrame,
    *,
    period: Period,
    as_of: Day,
    customers: IntoFrame | None = None,
    active_days: int = ACTIVE_DAYS,
) -> pd.DataFrame:
    """List the customers whose first order lies in the period, with their spending by `as_of`.

    Parameters
    ----------
    transactions
        Order lines as `read_table` gives them; channel and margin where there.
    period, as_of
        Days of the first order, and the last day observed.
    customers
        Frame with customer_id and acquisition_channel; default, the channel of the first order
        (the smallest name, where the first day has several).
    active_days
        Orders that begin less than so many days before the period cannot tell who is new.

    Returns
    -------
    pandas.DataFrame
        customer_id, first_day, channel, revenue, and margin where the lines carry it, in
        currency units; refunds are off. so_far_1, so_far_2, ...: that margin, else the revenue,
        by the end of each month (of 30.4375 days) after the first order. no_history is True in
        all rows where the orders begin too late to tell, and the figures made of them are then
        flagged.
    """
    late = bool(unknown_before(transactions, period, active_days=active_days))
    frame = frame_of(transactions, CUSTOMER, "day", "amount", name="transactions")
    day = nw.col("day")
    channel = nw.col("channel") if has_column(frame, "channel") else nw.lit(None, nw.String)
    money = ["amount", *(["margin"] if has_column(frame, "margin") else [])]
    known = frame.filter(day <= to_day(as_of)).select(
        CUSTOMER, "day", *money, channel=channel.cast(nw.String)
    )
    never = nw.lit(2**62, dtype=nw.Int64)
    sold = nw.when(nw.col("amount") >= 0).then(day.cast(nw.Int64)).otherwise(never)
    firsts = known.with_columns(first_day=sold).with_columns(
        first_day=nw.col("first_day").min().over(CUSTOMER)
    )
    first_channel = nw.when(day == nw.col("first_day")).then(nw.col("channel"))
    won = firsts.with_columns(channel=first_channel).filter(
        nw.col("first_day") >= period.first_day, nw.col("first_day") <= period.last_day
    )
    sums = won.group_by(CUSTOMER).agg(
        nw.col("first_day").min(),
        nw.col("channel").min(),
        *[nw.col(name).sum() for name in money],
    )
    table = collected(sums, "first_day", *money)
    table[money] = table[money] / MONEY_SCALE
    table = table.merge(_by_own_month(won, money[-1]), on=CUSTOMER, how="left")
    if customers is not None:
        table = _with_channel(table.drop(columns="channel"), customers)
    table["channel"] = group_labels(table["channel"])
    table = table.rename(columns={"amount": "revenue"}).assign(no_history=late)
    return table.sort_values(CUSTOMER, ignore_index=True)


def _by_own_month(won: Frame, money: str) -> pd.DataFrame:
    """Sum the money of each customer to the end of each month after the first order."""
    # Months of 487 / 16 days; the first order belongs to the first.
    passed = ((nw.col("day").cast(nw.Int64) - nw.col("first_day")) * 16 - 1) // 487 + 1
    month = nw.when(passed < 1).then(nw.lit(1)).otherwise(passed)
    cells = won.with_columns(month=month).group_by(CUSTOMER, "month").agg(nw.col(money).sum())
    table = collected(cells, "month", money)
    wide = table.pivot_table(index=CUSTOMER, columns="month", values=money, aggfunc="sum")
    last = int(table["month"].max()) if len(table) else 0
    wide = wide.reindex(columns=range(1, last + 1)).fillna(0.0).cumsum(axis=1) / MONEY_SCALE
    return wide.rename(columns=lambda number: f"{SO_FAR_PREFIX}{number}").reset_index()


def history_flag(acquired: pd.DataFrame) -> str:
    """Flag of figures made of these customers, from `acquired_customers`."""
    return NO_HISTORY if "no_history" in acquired and acquired["no_history"].any() else ""


def acquisition_figures(
    acquired: pd.DataFrame, spend: IntoFrame, *, period: Period, as_of: Day
) -> pd.DataFrame:
    """CAC, ROAS, ROI and ROMI of the customers won in the period, blended and by channel.

    Parameters
    ----------
    acquired
        From `acquired_customers` with the same period.
    spend
        channel, day, cost (and more), as `read_table(..., table="spend")` gives it.
    period, as_of
        Days of the costs, and the last day observed.

    Returns
    -------
    pandas.DataFrame
        Figures, blended first (all costs over all new customers, paid or not), then each
        channel: cac, roas, romi_on_revenue, romi_on_margin (where margin is known); and
        cac_paid, all costs over the new customers of channels that cost something. Revenue is
        what these customers have spent by `as_of`. A channel without cost has NaN and the flag
        "zero_denominator": free is no return on a cost.
    """
    costs = costs_by_channel(spend, period, as_of)
    total = math.fsum(costs)
    paid = int(acquired["channel"].isin(costs.index[costs > 0]).sum())
    figures = _returns(acquired, total, "")
    figures.append(per_unit_cost("cac_paid", total, paid) if total else no_cost("cac_paid", paid))
    for channel in sorted({*costs.index, *acquired["channel"]}):
        group = acquired[acquired["channel"] == channel]
        figures += _returns(group, float(costs.get(channel, 0.0)), str(channel))
    return stamped(figures, period, as_of, flag=history_flag(acquired))


def _with_channel(table: pd.DataFrame, customers: IntoFrame) -> pd.DataFrame:
    names = (CUSTOMER, "acquisition_channel")
    known = collected(frame_of(customers, *names, name="customers").select(*names))
    same_id_kind(table[CUSTOMER], known[CUSTOMER], names=("transactions", "customers"))
    known = known.drop_duplicates(CUSTOMER).rename(columns={"acquisition_channel": "channel"})
    return table.merge(known, on=CUSTOMER, how="left")


def spend_table(
    spend: IntoFrame, period: Period, as_of: Day, *money: str, by: str = "channel"
) -> pd.DataFrame:
    """Collect columns of money of the period's rows, in currency units, beside what names them."""
    names = (by, "day", *money)
    frame = frame_of(spend, *names, name="spend")
    table = collected(within(frame, period, as_of).select(*names))
    table[list(money)] = table[list(money)].astype(float) / MONEY_SCALE
    return table.assign(**{by: group_labels(table[by])})


def costs_by_channel(
    spend: IntoFrame, period: Period, as_of: Day, *, by: str = "channel"
) -> pd.Series[float]:
    """Sum the cost of the period by channel, or by campaign, in currency units."""
    return spend_table(spend, period, as_of, "cost", by=by).groupby(by)["cost"].agg(math.fsum)


def _returns(group: pd.DataFrame, cost: float, channel: str) -> list[Figure]:
    figures = [per_unit_cost("cac", cost, len(group)) if cost else no_cost("cac", len(group))]
    for gain in [name for name in GAINS if name in group]:
        total = math.fsum(group[gain])
        low, high = total_interval(group[gain])
        for metric, shift in (("roas", 0.0), ("romi", cost)):
            if metric == "roas" and gain == "margin":
                continue
            bounds = Interval(
                (low - shift) / (cost or math.nan), (high - shift) / (cost or math.nan)
            )
            name = metric if metric == "roas" else f"romi_on_{gain}"
            figures.append(
                ratio(
                    name,
                    total - shift,
                    cost,
                    n=len(group),
                    unit="ratio" if metric == "roas" else "share",
                    bounds=bounds,
                    interval="compound_poisson",
                )
            )
    return [replace(figure, group=channel) for figure in figures]


def no_cost(metric: str, customers: int) -> Figure:
    """Give the cost per customer of a channel on which nothing was spent: null, not zero."""
    return Figure(
        metric,
        math.nan,
        numerator=0.0,
        denominator=float(customers),
        n=customers,
        unit="currency",
        flag="no_cost",
    )
