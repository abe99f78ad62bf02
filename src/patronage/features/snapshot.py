"""All features of all customers as of a day: one function for training and for scoring."""

from typing import Any

import narwhals.stable.v2 as nw
from narwhals.stable.v2.typing import FrameT, IntoFrameT

from patronage.data.units import Day, to_day
from patronage.features.catalogue import buying_features
from patronage.features.labels import MAY_GO_ON, check_whole, check_window, churned, cutoffs
from patronage.features.rfm import DAY, Returns, eager, net_days, opened
from patronage.features.windows import refund_shares, rhythm, tastes

TASTES = ("channel", "product")
"""Optional columns of transactions that features are made of."""


def snapshot(
    transactions: IntoFrameT,
    *,
    as_of: Day,
    eligible_days: int | None = None,
    only_eligible: bool = False,
    returns: Returns = "net",
) -> IntoFrameT:
    """Describe every customer seen by a day, from what was known that day.

    Parameters
    ----------
    transactions
        Order lines as `read_table` gives them, with channel and product where there are any.
        A pandas or polars frame, a DuckDB relation or a PySpark DataFrame.
    as_of : date, ISO string or integer day
        Last day observed. Nothing after it changes any column.
    eligible_days : whole days, >= 1, or None for everybody
        Customers are eligible who bought in the days (as_of - eligible_days, as_of]: of the long
        gone nobody needs a forecast.
    only_eligible
        Whether the others are left out; else they keep their row and say so.
    returns : "net", "drop" or "fail"
        The policy that the table was read with, as `purchase_days` takes it.

    Returns
    -------
    The same kind of frame, one row a customer: customer_id as it came; recency and T, which
    buy-till-you-die models take beside frequency and monetary_value; the features that
    `buying_features` names and `describe` explains, counts and days as int64, money in
    currency units, missing where undefined; eligible, bool.

    Raises
    ------
    SpecError
        If `as_of` is no day, `returns` no policy or `eligible_days` no whole number above zero.

    Examples
    --------
    >>> import pandas as pd
    >>> orders = pd.DataFrame(
    ...     {"customer_id": ["ann", "ann", "bob"], "day": [100, 130, 20], "amount": 50_000}
    ... )
    >>> table = snapshot(orders, as_of=142, eligible_days=90)
    >>> table[["customer_id", "recency_days", "gap_mean", "purchases_30", "eligible"]]
      customer_id  recency_days  gap_mean  purchases_30  eligible
    0         ann            12      30.0             1      True
    1         bob           122       NaN             0     False
    """
    table = _features(opened(transactions), as_of=to_day(as_of), returns=returns).with_columns(
        eligible=_bought_within(eligible_days)
    )
    native: IntoFrameT = (table.filter(nw.col("eligible")) if only_eligible else table).to_native()
    return native


def training_snapshots(  # noqa: PLR0913 - one argument for each key of a spec's snapshot table
    transactions: IntoFrameT,
    *,
    as_of: Day,
    horizon_days: int,
    step_days: int,
    eligible_days: int | None = None,
    max_snapshots: int = 12,
    observed_until: Day | None = None,
    returns: Returns = "net",
) -> IntoFrameT:
    """Stack snapshots of several days, each with what happened in the window after it.

    Parameters
    ----------
    transactions, eligible_days, returns
        As `snapshot` takes them. Only eligible customers are here.
    as_of : date, ISO string or integer day
        Last cutoff, inclusive; its label window must be over.
    horizon_days : whole days, >= 1
        Label window: (cutoff, cutoff + horizon_days].
    step_days : whole days, >= 1
        From one cutoff back to the next, while `horizon_days` of history lie before it.
    max_snapshots : whole number, >= 1
        How many cutoffs at most, the latest.
    observed_until : date, ISO string or integer day, optional
        Last day that the data cover. By default the day of the last order, which a small shop's
        data may well go beyond.

    Returns
    -------
    The same kind of frame, one row a cutoff and customer: the columns of `snapshot`; cutoff,
    int64 day; label, int64, 1 where the customer bought nothing in the window.
    `fitting_cutoffs` says which cutoffs may be fitted on while the last one judges.

    Raises
    ------
    ReadinessError
        If the data end within the label window of `as_of`.
    SpecError
        As `snapshot` and `cutoffs` raise it.

    Examples
    --------
    >>> import pandas as pd
    >>> orders = pd.DataFrame(
    ...     {"customer_id": ["ann", "bob"] * 4, "day": range(100, 180, 10), "amount": 50_000}
    ... )
    >>> table = training_snapshots(orders, as_of=150, horizon_days=20, step_days=15)
    >>> table.groupby("cutoff")["label"].agg(["size", "sum"])
            size  sum
    cutoff
    120        2    0
    135        2    0
    150        2    0
    """
    frame = opened(transactions)
    first_day, last_day = _span(frame, to_day(as_of))
    until = last_day if observed_until is None else to_day(observed_until)
    end = check_window(
        as_of=as_of, horizon_days=horizon_days, observed_until=until, remedy=MAY_GO_ON
    )
    days = cutoffs(
        as_of=end,
        horizon_days=horizon_days,
        step_days=step_days,
        first_day=first_day,
        max_snapshots=max_snapshots,
    )
    eligible = _bought_within(eligible_days)
    parts = []
    for day in days:
        after = churned(transactions, as_of=day, horizon_days=horizon_days, returns=returns)
        table = _features(frame, as_of=day, returns=returns).with_columns(eligible=eligible)
        parts.append(
            table.filter(nw.col("eligible"))
            .with_columns(cutoff=nw.lit(day, dtype=nw.Int64))
            .join(opened(after), on="customer_id", how="inner")
        )
    native: IntoFrameT = nw.concat(parts).to_native()
    return native


def _features(transactions: FrameT, *, as_of: int, returns: Returns) -> FrameT:
    columns = transactions.collect_schema().names()
    days = net_days(transactions, as_of=as_of, returns=returns)
    table = rhythm(days, as_of=as_of)
    if returns == "net":
        shares = refund_shares(transactions, as_of=as_of)
        table = table.join(shares, on="customer_id", how="left")
    else:
        table = table.with_columns(refund_share=nw.lit(0.0, dtype=nw.Float64))
    for name in TASTES:
        if name in columns:
            table = table.join(
                tastes(transactions, days, name=name, as_of=as_of), on="customer_id", how="left"
            ).with_columns(nw.col(f"{name}s").fill_null(0).cast(nw.Int64))
    return table.select("customer_id", "recency", "T", *buying_features(columns))


def _bought_within(eligible_days: int | None) -> nw.Expr:
    # Every customer here has bought by as_of.
    longest = nw.col("recency_days") + 1
    if eligible_days is not None:
        longest = nw.lit(check_whole(eligible_days, "eligible_days"))
    return nw.col("recency_days") < longest


def _span(transactions: nw.LazyFrame[Any], otherwise: int) -> tuple[int, int]:
    """Give the first and the last day, or one that stands in where there are no rows."""
    ends = eager(transactions.select(first=DAY.min(), last=DAY.max(), rows=nw.len())).rows()[0]
    return (int(ends[0]), int(ends[1])) if ends[2] else (otherwise, otherwise)
