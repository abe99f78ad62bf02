"""Refunds set against the purchases that they undo.

A refund reduces its own day, what is left of it the customer's latest earlier days, never
later ones: those had not happened when the goods came back.
"""

import narwhals.stable.v2 as nw
from narwhals.stable.v2.typing import FrameT

DAY_VALUE = nw.col("day_value")


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
