"""What happened after a day: the only code of the package that looks forward.

A label window is the days (as_of, as_of + horizon_days].
"""

import narwhals.stable.v2 as nw
from narwhals.stable.v2.typing import IntoFrameT

from patronage.data.units import Day, to_day
from patronage.errors import SpecError
from patronage.features.rfm import DAY, DAY_VALUE, Returns, in_currency, net_days, opened


def holdout(
    transactions: IntoFrameT, *, as_of: Day, horizon_days: int, returns: Returns = "net"
) -> IntoFrameT:
    """Count what each customer seen by `as_of` bought in the window after it.

    Refunds are netted as of the window's end, so one that comes within the window counts.

    Parameters
    ----------
    transactions, returns
        As `purchase_days` takes them.
    as_of : date, ISO string or integer day
        Last day before the window.
    horizon_days : whole days, >= 1
        Length of the window. Whether the data reach its end is the caller's to know:
        `last_complete_cutoff` says.

    Returns
    -------
    The same kind of frame, one row for each customer of `rfm_summary` as of the same day:
        customer_id        as it came
        holdout_purchases  purchase days in (as_of, as_of + horizon_days], int64
        holdout_value      their value after refunds in currency units, 0.0 where there are none

    Raises
    ------
    SpecError
        If `horizon_days` is no whole number above zero, `as_of` no day, `returns` no policy.

    Examples
    --------
    >>> import pandas as pd
    >>> orders = pd.DataFrame(
    ...     {
    ...         "customer_id": ["ann", "ann", "bob", "new"],
    ...         "day": [100, 107, 100, 107],
    ...         "amount": [200_000, 150_000, 90_000, 80_000],
    ...     }
    ... )
    >>> holdout(orders, as_of=100, horizon_days=7)
      customer_id  holdout_purchases  holdout_value
    0         ann                  1           15.0
    1         bob                  0            0.0
    """
    start, end = to_day(as_of), to_day(as_of) + check_days(horizon_days, "horizon_days")
    frame = opened(transactions)
    known = net_days(frame, as_of=start, returns=returns).select("customer_id").unique()
    bought = (
        net_days(frame, as_of=end, returns=returns)
        .filter(start < DAY)
        .group_by("customer_id")
        .agg(purchases=nw.len(), value=DAY_VALUE.sum())
        # Out of integers before the join, which on pandas would round them.
        .select(
            "customer_id",
            purchases=nw.col("purchases").cast(nw.Int64),
            value=in_currency(nw.col("value").cast(nw.Int64)),
        )
    )
    native: IntoFrameT = (
        known.join(bought, on="customer_id", how="left")
        .select(
            "customer_id",
            holdout_purchases=nw.col("purchases").fill_null(0).cast(nw.Int64),
            holdout_value=nw.col("value").fill_null(0.0),
        )
        .to_native()
    )
    return native


def check_days(days: int, name: str) -> int:
    """Give the number of days of an argument, which must be whole and above zero."""
    if isinstance(days, bool) or days != int(days) or days < 1:
        raise SpecError(f"{name} is {days!r}; pass a whole number of days above zero.")
    return int(days)
