"""Our part of what a market spends on advertising, and of what it sells."""

from __future__ import annotations

import math
from dataclasses import replace

import narwhals.stable.v2 as nw
import pandas as pd
from narwhals.stable.v2.typing import IntoFrame

from patronage.data.frames import frame_of
from patronage.data.units import MONEY_SCALE, Day
from patronage.marketing.acquisition import spend_table
from patronage.marketing.engines import collected, group_labels, has_column, within
from patronage.marketing.figures import Figure, ratio, stamped
from patronage.marketing.periods import Period


def market_share(ours: float, market: float) -> Figure:
    """Our revenue over the revenue of the whole market.

    Examples
    --------
    >>> market_share(12, 80).value
    0.15
    """
    return ratio("market_share", ours, market, n=0, unit="share")


def share_of_spend(spend: IntoFrame, *, period: Period, as_of: Day) -> pd.DataFrame:
    """Our cost over what all advertisers spent, by channel, where `market_total` says so.

    Advertisers call it share of voice; it says nothing of who sells how much. A market total
    that stands in several rows of a channel and day (one a campaign) counts once; days without
    one leave both sides and are counted in n_left_out.

    Returns
    -------
    pandas.DataFrame
        Figures share_of_spend, the whole first. They are counted, so they have no interval.
    """
    by_day = _by_day(spend, period, as_of, cost="sum", market_total="max")
    known = by_day[by_day["market_total"].notna()]
    figures = []
    for channel in ["", *sorted(by_day["channel"].unique())]:
        mine = known if channel == "" else known[known["channel"] == channel]
        days = by_day if channel == "" else by_day[by_day["channel"] == channel]
        top, bottom = math.fsum(mine["cost"]), math.fsum(mine["market_total"])
        figure = ratio("share_of_spend", top, bottom, n=len(mine), unit="share")
        figures.append(replace(figure, group=channel, n_left_out=len(days) - len(mine)))
    return stamped(figures, period, as_of)


def share_of_market(
    transactions: IntoFrame, spend: IntoFrame, *, period: Period, as_of: Day
) -> pd.DataFrame:
    """Our revenue over that of the market, where `market_revenue` of the spend says so.

    Parameters
    ----------
    transactions
        Order lines as `read_table` gives them; refunds count on their own day.
    spend
        channel, day, market_revenue: what all sellers sold in that channel, on that day or in
        the time that begins with it, such as a month. All rows of the period together must
        cover it. A revenue that stands in several rows of a channel and day counts once.
    period, as_of
        Days counted, and the last day observed.

    Returns
    -------
    pandas.DataFrame
        Figures market_share. Where orders have channels of the names of the market's, both
        sides are of these channels, and each has its row; else the whole alone. Flag
        "some_channels" on the whole where others are left out, of ours or of the market's.
        Counted, so without an interval.
    """
    market = _by_day(spend, period, as_of, market_revenue="max").dropna(subset="market_revenue")
    totals = market.groupby("channel")["market_revenue"].agg(math.fsum)
    ours = _revenue(transactions, period, as_of)
    both = sorted(set(totals.index) & set(ours.index))
    apart = {*totals.index[totals != 0], *ours.index[ours != 0]} - set(both)
    if both:
        ours, totals = ours[both], totals[both]
    whole = market_share(math.fsum(ours), math.fsum(totals))
    figures = [whole.flagged("some_channels" if both and apart else "")]
    figures += [
        replace(market_share(float(ours[name]), float(totals[name])), group=name) for name in both
    ]
    return stamped(figures, period, as_of)


def _revenue(transactions: IntoFrame, period: Period, as_of: Day) -> pd.Series[float]:
    """Revenue of the period by channel, in currency units."""
    frame = frame_of(transactions, "day", "amount", name="transactions")
    channel = nw.col("channel") if has_column(frame, "channel") else nw.lit(None, nw.String)
    table = collected(
        within(frame, period, as_of)
        .select("amount", channel=channel.cast(nw.String))
        .group_by("channel", drop_null_keys=False)
        .agg(nw.col("amount").sum()),
        "amount",
    )
    named = table.assign(
        channel=group_labels(table["channel"]), amount=table["amount"].astype(float)
    )
    return named.set_index("channel")["amount"] / MONEY_SCALE


def _by_day(spend: IntoFrame, period: Period, as_of: Day, **sums: str) -> pd.DataFrame:
    """Money of a channel and day, in currency units; empty where no row has any."""
    table = spend_table(spend, period, as_of, *sums)
    return table.groupby(["channel", "day"], as_index=False).agg(sums)
