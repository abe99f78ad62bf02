"""Refunds set against the purchases that they undo.

A refund reduces its own day, what is left of it the customer's latest earlier days, never
later ones: those had not happened when the goods came back.
"""

from typing import Any, NamedTuple

import narwhals.stable.v2 as nw
from narwhals.stable.v2.typing import FrameT

from patronage.data.frames import Frame

DAY, DAY_VALUE = nw.col("day"), nw.col("day_value")


def net_refunds(days: FrameT) -> FrameT:
    """Set refunds against the purchases before them.

    Walking back from the customer's last day, let S be the running sum of refunds less
    purchases and M the lowest S so far (0 at the start). What is still owed after a day is
    max(0, S - M), and what is left of the day is max(0, M - S), with M taken before it. Two
    running integer sums, so it is exact on every engine.

    Parameters
    ----------
    days : Narwhals frame, one row per customer and day
        customer_id; day; day_value, int64, the sum of that day's amounts; refunds, the number
        of that day's amounts below zero.

    Returns
    -------
    The same frame with three columns more, in the unit of day_value:
        net_value    int64, >= 0, what later and same-day refunds leave of the day
        is_purchase  bool; False where refunds leave nothing. A zero-priced order is a purchase
        unmatched    int64, >= 0, on the customer's first day: refunds that found no purchase

    Examples
    --------
    >>> import polars as pl
    >>> days = pl.DataFrame(
    ...     {"customer_id": "a", "day": [1, 2, 3], "day_value": [50, 20, -30], "refunds": [0, 0, 1]}
    ... )
    >>> net_refunds(nw.from_native(days))["net_value"].to_list()
    [40, 0, 0]
    """
    # DuckDB sums integers to 128 bits.
    owed = (-DAY_VALUE.cast(nw.Int64)).cum_sum(reverse=True).over("customer_id", order_by="day")
    before = nw.col("_owed") + DAY_VALUE.cast(nw.Int64)
    lowest = before.cum_min(reverse=True).over("customer_id", order_by="day")
    surplus = nw.col("_lowest") - nw.col("_owed")
    is_first_day = nw.col("day") == nw.col("day").min().over("customer_id")
    zero = nw.lit(0, dtype=nw.Int64)
    return (
        days.with_columns(_owed=owed.cast(nw.Int64))
        .with_columns(_lowest=lowest.cast(nw.Int64))
        .with_columns(
            net_value=nw.when(surplus > 0).then(surplus).otherwise(zero),
            is_purchase=(surplus > 0) | ((DAY_VALUE == 0) & (nw.col("refunds") == 0)),
            unmatched=nw.when((surplus < 0) & is_first_day).then(-surplus).otherwise(zero),
        )
        .drop("_owed", "_lowest")
    )


class RefundFigures(NamedTuple):
    """What became of refunds, in the unit of the amounts.

    Attributes
    ----------
    netted
        Refunds that reduce a purchase of their own or an earlier day.
    unmatched
        Refunds that find none.
    customers_unmatched
        Customers with such a refund.
    """

    netted: int
    unmatched: int
    customers_unmatched: int


def refund_figures(transactions: Any) -> RefundFigures:  # noqa: ANN401 - a frame of any engine
    """Net a whole table and sum up.

    Parameters
    ----------
    transactions
        customer_id, day, amount (int64), as a frame of any engine.

    Examples
    --------
    >>> import polars as pl
    >>> orders = pl.DataFrame({"customer_id": "a", "day": [1, 2], "amount": [50, -80]})
    >>> refund_figures(orders)
    RefundFigures(netted=50, unmatched=30, customers_unmatched=1)
    """
    amount, zero = nw.col("amount"), nw.lit(0, dtype=nw.Int64)
    is_refund = amount < 0
    lines: nw.LazyFrame[Any] = nw.from_native(transactions).lazy()
    days = (
        lines.select(
            "customer_id",
            "day",
            "amount",
            refund=nw.when(is_refund).then(-amount).otherwise(zero),
            is_refund=nw.when(is_refund).then(nw.lit(1)).otherwise(nw.lit(0)),
        )
        .group_by("customer_id", "day")
        .agg(
            day_value=amount.sum(),
            refunds=nw.col("is_refund").sum(),
            refund=nw.col("refund").sum(),
        )
    )
    found_none = nw.when(nw.col("unmatched") > 0).then(nw.lit(1)).otherwise(nw.lit(0))
    sums = (
        net_refunds(days)
        .with_columns(found_none=found_none)
        .select(nw.col("refund").sum(), nw.col("unmatched").sum(), nw.col("found_none").sum())
    )
    refund, unmatched, customers = (int(value or 0) for value in sums.collect().row(0))
    return RefundFigures(refund - unmatched, unmatched, customers)


def link_refunds(transactions: Frame) -> Frame:
    """Move each refund that names an order to the day of that order.

    A refund is linked where the same customer has an amount above zero with the same order_id,
    on the refund's day or before; the order's first day is taken. Others stay where they are.
    Columns that netting does not need are left behind.
    """
    if "order_id" not in transactions.collect_schema().names():
        return transactions
    # Refunds are few: joining the sales that they name is far cheaper than a window over all.
    keys = ["customer_id", "order_id"]
    named = (nw.col("amount") < 0) & ~nw.col("order_id").is_null()
    flagged = transactions.with_columns(_named=nw.when(named).then(nw.lit(1)).otherwise(nw.lit(0)))
    refunds, others = flagged.filter(nw.col("_named") == 1), flagged.filter(nw.col("_named") == 0)
    sold = (
        others.filter(nw.col("amount") > 0)
        .join(refunds.select(*keys).unique(), on=keys, how="semi")  # type: ignore[arg-type]
        .group_by(*keys)
        .agg(DAY.min().alias("_sold"))
    )
    dated = refunds.join(sold, on=keys, how="left")  # type: ignore[arg-type]
    before = nw.when(nw.col("_sold") <= DAY).then(nw.col("_sold")).otherwise(DAY)
    needed = ["customer_id", "day", "amount"]
    moved = dated.with_columns(day=before.cast(nw.Int64)).select(*needed)
    kept = others.with_columns(day=DAY.cast(nw.Int64)).select(*needed)
    both: list[Any] = [kept, moved]
    whole: Frame = nw.concat(both)
    return whole
