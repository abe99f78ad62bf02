"""Recency, frequency and monetary value, one row per customer.

The definitions are those of the buy-till-you-die models: a purchase *day* is the event, the
first day makes a customer and is not a repeat, and every duration is in days up to and
including `as_of`.
"""

from difflib import get_close_matches
from typing import Any, Literal, get_args

import narwhals.stable.v2 as nw
from narwhals.stable.v2.typing import FrameT, IntoFrame, IntoFrameT

from patronage.data.returns import net_refunds
from patronage.data.units import MONEY_SCALE, Day, to_day
from patronage.errors import SpecError

Returns = Literal["net", "drop", "fail"]
"""What becomes of refunds, as `read_table` takes it; after "fail" a table has none."""

DAY, AMOUNT, DAY_VALUE = nw.col("day"), nw.col("amount"), nw.col("day_value")

_UNIT = 2**31
_WORD = 2**33


def purchase_days(transactions: IntoFrameT, *, as_of: Day, returns: Returns = "net") -> IntoFrameT:
    """Collapse order lines to one row per customer and purchase day.

    Two orders on one day are one purchase occasion: the models count occasions, and same-day
    lines are usually one basket split by the till.

    Parameters
    ----------
    transactions
        Order lines as `read_table` gives them: customer_id, day (days since 1970-01-01,
        business time zone), amount (ten-thousandths of the currency unit, refunds below zero).
        A pandas or polars frame, a DuckDB relation or a PySpark DataFrame.
    as_of : date, ISO string or integer day
        Last day observed. Later rows are left out before refunds are netted, so that a later
        refund cannot reach into an earlier picture.
    returns : "net", "drop" or "fail"
        The policy that the table was read with. "net" sets refunds against the customer's
        latest purchases before them; "drop" leaves them out; "fail" says that there are none,
        which spares lazy engines the search for them.

    Returns
    -------
    The same kind of frame: customer_id; day; day_value, int64 >= 0 in ten-thousandths of the
    currency unit, what refunds leave of the day. Days that refunds use up are not there.

    Raises
    ------
    SpecError
        If `as_of` is no day or `returns` no policy.

    Examples
    --------
    >>> import pandas as pd
    >>> orders = pd.DataFrame(
    ...     {"customer_id": "007", "day": [10, 10, 12, 15], "amount": [300, 200, 400, -450]}
    ... )
    >>> purchase_days(orders, as_of=12)
      customer_id  day  day_value
    0         007   10        500
    1         007   12        400
    >>> purchase_days(orders, as_of=15)
      customer_id  day  day_value
    0         007   10        450
    """
    days = net_days(opened(transactions), as_of=as_of, returns=returns)
    native: IntoFrameT = days.to_native()
    return native


def rfm_summary(transactions: IntoFrameT, *, as_of: Day, returns: Returns = "net") -> IntoFrameT:
    """Summarise purchase history as the inputs of BG/NBD and Gamma-Gamma.

    Parameters
    ----------
    transactions, as_of, returns
        As `purchase_days` takes them.

    Returns
    -------
    The same kind of frame, one row per customer with a purchase by `as_of` that refunds have
    not used up:
        customer_id     as it came
        frequency       repeat purchase days, int64 >= 0
        recency         days from first to last purchase, int64, 0 <= recency <= T
        T               days from first purchase to `as_of`, int64
        monetary_value  mean value of a repeat day in currency units, 0.0 when there is none

    Raises
    ------
    SpecError
        If `as_of` is no day or `returns` no policy.

    References
    ----------
    Fader, Hardie and Lee (2005), "Counting your customers the easy way", Marketing Science
    24(2), 275-284, and "RFM and CLV", J. Marketing Research 42(4), 415-430: the statistics
    (x, t_x, T) and the mean over repeat transactions.

    Examples
    --------
    >>> import pandas as pd
    >>> orders = pd.DataFrame(
    ...     {
    ...         "customer_id": ["ann", "ann", "ann", "bob"],
    ...         "day": [100, 107, 130, 120],
    ...         "amount": [200_000, 150_000, 250_000, 90_000],
    ...     }
    ... )
    >>> rfm_summary(orders, as_of=140)
      customer_id  frequency  recency   T  monetary_value
    0         ann          2       30  40            20.0
    1         bob          0        0  20             0.0
    """
    days = net_days(opened(transactions), as_of=as_of, returns=returns)
    totals = days.with_columns(**first_value_keys()).group_by("customer_id").agg(**totals_of_days())
    summary = totals.select("customer_id", **summary_columns(as_of=as_of))
    native: IntoFrameT = summary.to_native()
    return native


def totals_of_days() -> dict[str, nw.Expr]:
    """Aggregate a customer's days, with their `first_value_keys`, to what the summary needs."""
    return {
        "low_key": nw.col("low_key").min(),
        "high_key": nw.col("high_key").min(),
        "purchases": nw.len(),
        "first": DAY.min(),
        "last": DAY.max(),
        "value": DAY_VALUE.sum(),
    }


def summary_columns(*, as_of: Day) -> dict[str, nw.Expr]:
    """Give the four statistics of `rfm_summary` from the totals of a customer."""
    repeats = nw.col("purchases").cast(nw.Int64) - 1
    repeat_value = nw.col("value").cast(nw.Int64) - first_value()
    # Divided once, by a number that is never zero: the same bits on every engine.
    divisor = nw.when(repeats > 0).then(repeats).otherwise(nw.lit(1)) * MONEY_SCALE
    return {
        "frequency": repeats,
        "recency": (nw.col("last") - nw.col("first")).cast(nw.Int64),
        "T": (to_day(as_of) - nw.col("first")).cast(nw.Int64),
        "monetary_value": repeat_value / divisor,
    }


def net_days(transactions: FrameT, *, as_of: Day, returns: Returns) -> FrameT:
    """Give `purchase_days` of a Narwhals frame as one."""
    if returns not in get_args(Returns):
        near = get_close_matches(str(returns), get_args(Returns), n=1)
        hint = f'; did you mean "{near[0]}"?' if near else "."
        raise SpecError(f'returns is {returns!r}; it takes "net", "drop" or "fail"{hint}')
    seen = transactions.filter(to_day(as_of) >= DAY)
    if returns == "drop":
        seen = seen.filter(AMOUNT >= 0)
    if returns == "net" and _may_hold_refunds(seen):
        seen = seen.with_columns(is_refund=nw.when(AMOUNT < 0).then(nw.lit(1)).otherwise(nw.lit(0)))
        sums = {"day_value": AMOUNT.sum(), "refunds": nw.col("is_refund").sum()}
        days = net_refunds(_by_day(seen, sums)).filter(nw.col("is_purchase"))
        return days.select("customer_id", "day", day_value=nw.col("net_value"))
    return _by_day(seen, {"day_value": AMOUNT.sum()})


def first_value_keys() -> dict[str, nw.Expr]:
    """Give two whole numbers a day, whose minima over a customer hold the first day's value.

    Day in the upper part of a word; in the lower the units of 2**31 in the value, or what they
    leave of it. An aggregate finds these in the pass that finds the rest; a window or a join for
    the value of the first day took half as long again.

    A value beyond 2**53 becomes a double of up to 2**10 beside it, so what is left may lie that
    far outside a unit: a word has room for it, and the two together are the value all the same.
    Division of whole numbers would be exact, and takes several times as long.
    """
    units = (DAY_VALUE / _UNIT).floor().cast(nw.Int64)
    rest = DAY_VALUE - units * _UNIT
    return {"low_key": DAY * _WORD + rest + _WORD // 2, "high_key": DAY * _WORD + units}


def first_value() -> nw.Expr:
    """Give the value of the first day, int64 money, from `totals_of_days`."""
    start = nw.col("first") * _WORD
    return (nw.col("high_key") - start) * _UNIT + nw.col("low_key") - start - _WORD // 2


def in_currency(money: nw.Expr) -> nw.Expr:
    """Turn integer money to currency units, the same double on every engine.

    Not divided by a literal, which polars turns into a product: a third of the values came out
    one bit off.
    """
    return money / (money * 0 + MONEY_SCALE)


def opened(native: IntoFrame) -> nw.LazyFrame[Any]:
    """Give a native frame as a Narwhals one, eager or lazy as it came.

    Typed as lazy, whose methods both kinds have: features call no others.
    """
    frame: nw.LazyFrame[Any] = nw.from_native(native)
    return frame


def eager(frame: nw.LazyFrame[Any]) -> nw.DataFrame[Any]:
    """Run what is lazy; for small results, which end in a message or a picture."""
    return frame.collect() if isinstance(frame, nw.LazyFrame) else frame


def _by_day(rows: FrameT, sums: dict[str, nw.Expr]) -> FrameT:
    # DuckDB sums integers to 128 bits, and polars may hold the day in 32.
    names = [nw.col(name).cast(nw.Int64) for name in ("day", *sums)]
    return rows.group_by("customer_id", "day").agg(**sums).select("customer_id", *names)


def _may_hold_refunds(transactions: FrameT) -> bool:
    """Tell whether there can be refunds.

    DuckDB answers by one column, mostly from the statistics of its files, in a fraction of what
    netting costs; other lazy engines would run their whole plan for it.
    """
    if isinstance(transactions, nw.LazyFrame):
        if transactions.implementation is not nw.Implementation.DUCKDB:
            return True
        lowest = transactions.select(lowest=AMOUNT.min()).collect()["lowest"]
        return bool((lowest < 0).any())
    return bool((transactions["amount"] < 0).any())
