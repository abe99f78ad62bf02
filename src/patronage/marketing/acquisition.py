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

from patronage.data.frames import frame_of
from patronage.data.units import MONEY_SCALE, Day, to_day
from patronage.errors import SpecError
from patronage.marketing.engines import collected, group_labels, has_column, same_id_kind
from patronage.marketing.figures import INCOMPLETE, Figure, per_unit_cost, ratio, to_frame
from patronage.marketing.intervals import Interval, total_interval
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


def market_share(ours: float, market: float) -> Figure:
    """Our part of a market total.

    Examples
    --------
    >>> market_share(12, 80).value
    0.15
    """
    return ratio("market_share", ours, market, n=0, unit="share")


def acquired_customers(
    transactions: IntoFrame,
    *,
    period: Period,
    as_of: Day,
    customers: IntoFrame | None = None,
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

    Returns
    -------
    pandas.DataFrame
        customer_id, first_day, channel, revenue, and margin where the lines carry it, in
        currency units; refunds are off.
    """
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
    sums = (
        firsts.with_columns(channel=first_channel)
        .filter(nw.col("first_day") >= period.first_day, nw.col("first_day") <= period.last_day)
        .group_by(CUSTOMER)
        .agg(
            nw.col("first_day").min(),
            nw.col("channel").min(),
            *[nw.col(name).sum() for name in money],
        )
    )
    table = collected(sums, "first_day", *money)
    table[money] = table[money] / MONEY_SCALE
    if customers is not None:
        table = _with_channel(table.drop(columns="channel"), customers)
    table["channel"] = group_labels(table["channel"])
    return table.rename(columns={"amount": "revenue"}).sort_values(CUSTOMER, ignore_index=True)


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
    return stamped(figures, period, as_of)


def share_of_spend(spend: IntoFrame, *, period: Period, as_of: Day) -> pd.DataFrame:
    """Our cost over what all advertisers spent, by channel, where market totals are given.

    A market total that stands in several rows of a channel and day (one a campaign) counts once;
    days without one leave both sides and are counted in n_left_out.
    """
    table = _spend_table(spend, period, as_of, "market_total")
    by_day = table.groupby(["channel", "day"], as_index=False).agg(
        cost=("cost", "sum"), market_total=("market_total", "max")
    )
    known = by_day[by_day["market_total"].notna()]
    figures = []
    for channel in ["", *sorted(by_day["channel"].unique())]:
        mine = known if channel == "" else known[known["channel"] == channel]
        days = by_day if channel == "" else by_day[by_day["channel"] == channel]
        figure = market_share(math.fsum(mine["cost"]), math.fsum(mine["market_total"]))
        figures.append(
            replace(figure, group=channel, n=len(mine), n_left_out=len(days) - len(mine))
        )
    return stamped(figures, period, as_of)


def _with_channel(table: pd.DataFrame, customers: IntoFrame) -> pd.DataFrame:
    names = (CUSTOMER, "acquisition_channel")
    known = collected(frame_of(customers, *names, name="customers").select(*names))
    same_id_kind(table[CUSTOMER], known[CUSTOMER], names=("transactions", "customers"))
    known = known.drop_duplicates(CUSTOMER).rename(columns={"acquisition_channel": "channel"})
    return table.merge(known, on=CUSTOMER, how="left")


def _spend_table(
    spend: IntoFrame, period: Period, as_of: Day, *extra: str, by: str = "channel"
) -> pd.DataFrame:
    names = (by, "day", "cost", *extra)
    day, last = nw.col("day"), min(period.last_day, to_day(as_of))
    frame = frame_of(spend, *names, name="spend").select(*names)
    table = collected(frame.filter(day >= period.first_day, day <= last))
    money = ["cost", *extra]
    table[money] = table[money].astype(float) / MONEY_SCALE
    return table.assign(**{by: group_labels(table[by])})


def costs_by_channel(
    spend: IntoFrame, period: Period, as_of: Day, *, by: str = "channel"
) -> pd.Series[float]:
    """Sum the cost of the period by channel, or by campaign, in currency units."""
    return _spend_table(spend, period, as_of, by=by).groupby(by)["cost"].agg(math.fsum)


def _returns(group: pd.DataFrame, cost: float, channel: str) -> list[Figure]:
    figures = [per_unit_cost("cac", cost, len(group)) if cost else no_cost("cac", len(group))]
    for gain in [name for name in GAINS if name in group]:
        total = math.fsum(group[gain])
        low, high = total_interval(total, math.fsum(group[gain] ** 2))
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


def stamped(figures: list[Figure], period: Period, as_of: Day) -> pd.DataFrame:
    """Write the period beside each figure, and a flag where it is not over."""
    cut = period.last_day > to_day(as_of)
    return to_frame(
        replace(figure.over(period), flag=figure.flag or (INCOMPLETE if cut else ""))
        for figure in figures
    )
