"""What happened after a day: the only code of the package that looks forward.

A label window is the days (as_of, as_of + horizon_days].
"""

from collections.abc import Iterable

import narwhals.stable.v2 as nw
import pandas as pd
from narwhals.stable.v2.typing import IntoFrame, IntoFrameT

from patronage.data.units import Day, to_date, to_day
from patronage.errors import ReadinessError, SpecError
from patronage.features.rfm import DAY, DAY_VALUE, Returns, eager, in_currency, net_days, opened


def holdout(
    transactions: IntoFrameT,
    *,
    as_of: Day,
    horizon_days: int,
    returns: Returns = "net",
    newcomers: bool = False,
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
    newcomers
        Whether those who first bought within the window get a row as well.

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
    start, end = to_day(as_of), to_day(as_of) + check_whole(horizon_days, "horizon_days")
    frame = opened(transactions)
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
    known = net_days(frame, as_of=start, returns=returns).select("customer_id")
    people = nw.concat([known, bought.select("customer_id")]) if newcomers else known
    counted = (
        people.unique()
        .join(bought, on="customer_id", how="left")
        .select(
            "customer_id",
            holdout_purchases=nw.col("purchases").fill_null(0).cast(nw.Int64),
            holdout_value=nw.col("value").fill_null(0.0),
        )
    )
    native: IntoFrameT = counted.to_native()
    return native


def churned(
    transactions: IntoFrameT, *, as_of: Day, horizon_days: int, returns: Returns = "net"
) -> IntoFrameT:
    """Label the customers seen by `as_of`: 1 where the window after it holds no purchase.

    Parameters
    ----------
    transactions, as_of, horizon_days, returns
        As `holdout` takes them.

    Returns
    -------
    The same kind of frame: customer_id as it came; label, int64, 1 churned and 0 not.

    Examples
    --------
    >>> import pandas as pd
    >>> orders = pd.DataFrame(
    ...     {"customer_id": ["ann", "ann", "bob"], "day": [100, 107, 100], "amount": 50_000}
    ... )
    >>> churned(orders, as_of=100, horizon_days=7)
      customer_id  label
    0         ann      0
    1         bob      1
    """
    after = holdout(transactions, as_of=as_of, horizon_days=horizon_days, returns=returns)
    silent = opened(after).select("customer_id", label=_one_where(nw.col("holdout_purchases") == 0))
    native: IntoFrameT = silent.to_native()
    return native


def unsubscribed(subscriptions: IntoFrameT, *, as_of: Day, horizon_days: int) -> IntoFrameT:
    """Label the subscribers of `as_of`: 1 where the window after it leaves them with nothing.

    Who changes plan within the window, or comes back in it, has not churned.

    Parameters
    ----------
    subscriptions
        As `read_table` gives them: customer_id, started_day, ended_day (null while alive).
    as_of, horizon_days
        As `holdout` takes them.

    Returns
    -------
    The same kind of frame, one row for each customer with a subscription live at `as_of`:
    customer_id as it came; label, int64, 1 where none is live on the window's last day.

    Examples
    --------
    >>> import pandas as pd
    >>> table = pd.DataFrame(
    ...     {"customer_id": ["ann", "bob"], "started_day": [90, 95], "ended_day": [105, None]}
    ... )
    >>> unsubscribed(table, as_of=100, horizon_days=30)
      customer_id  label
    0         ann      1
    1         bob      0
    """
    start, end = to_day(as_of), to_day(as_of) + check_whole(horizon_days, "horizon_days")
    marked = opened(subscriptions).select(
        "customer_id", at_start=_one_where(live(start)), at_end=_one_where(live(end))
    )
    labels = (
        marked.group_by("customer_id")
        .agg(nw.col("at_start").max(), nw.col("at_end").max())
        .filter(nw.col("at_start") == 1)
        .select("customer_id", label=_one_where(nw.col("at_end") == 0))
    )
    native: IntoFrameT = labels.to_native()
    return native


def live(day: int) -> nw.Expr:
    """Tell whether a subscription is live at the end of a day; what ends that day is not."""
    ended = nw.col("ended_day")
    return (nw.col("started_day") <= day) & (ended.is_null() | (ended > day))


def converted(cutoff: nw.Expr, *, horizon_days: int) -> nw.Expr:
    """Label leads open at their cutoff: 1 where they convert within the days after it."""
    day = nw.col("converted_day")
    within = ~day.is_null() & (day <= cutoff + check_whole(horizon_days, "horizon_days"))
    return _one_where(within)


def last_complete_cutoff(observed_until: Day, *, horizon_days: int) -> int:
    """Give the latest day whose label window the data cover.

    Examples
    --------
    >>> from patronage.data.units import to_date
    >>> to_date(last_complete_cutoff("1998-06-30", horizon_days=92))
    datetime.date(1998, 3, 30)
    """
    return to_day(observed_until) - check_whole(horizon_days, "horizon_days")


def cutoffs(
    *, as_of: Day, horizon_days: int, step_days: int, first_day: Day, max_snapshots: int = 12
) -> tuple[int, ...]:
    """Give the days of training snapshots, earliest first and `as_of` last.

    Parameters
    ----------
    as_of : last cutoff
    horizon_days : length of the label window
    step_days : from one cutoff to the next
    first_day : first day of the data; a cutoff before `as_of` has at least `horizon_days` behind
        it, or nobody there could have been silent that long
    max_snapshots : how many at most, the latest

    Raises
    ------
    SpecError
        If a number of days, or of snapshots, is no whole number above zero.

    Examples
    --------
    >>> cutoffs(as_of=400, horizon_days=90, step_days=45, first_day=200)
    (310, 355, 400)
    """
    step = check_whole(step_days, "step_days")
    most = check_whole(max_snapshots, "max_snapshots")
    earliest = to_day(first_day) + check_whole(horizon_days, "horizon_days")
    days = [to_day(as_of) - step * back for back in range(most)]
    return tuple(reversed([day for day in days if day >= earliest] or days[:1]))


def fitting_cutoffs(days: Iterable[int], *, horizon_days: int) -> tuple[int, ...]:
    """Keep the cutoffs to fit on: those whose label window closes by the last, which judges.

    Examples
    --------
    >>> fitting_cutoffs((265, 310, 355, 400), horizon_days=90)
    (265, 310)
    """
    ordered = sorted(days)
    horizon = check_whole(horizon_days, "horizon_days")
    return tuple(day for day in ordered if day + horizon <= ordered[-1])


MAY_GO_ON = "Where the data know later days, say so with snapshot.observed_until."


def check_window(*, as_of: Day, horizon_days: int, observed_until: Day, remedy: str = "") -> int:
    """Give the cutoff as a day, refusing one whose label window the data don't cover.

    Parameters
    ----------
    as_of, horizon_days
    observed_until
        Last day that the data cover.
    remedy
        What to do where they cover more, a whole sentence.

    Raises
    ------
    ReadinessError
        If the data end within the window.
    """
    last = last_complete_cutoff(observed_until, horizon_days=horizon_days)
    if to_day(as_of) > last:
        raise ReadinessError(
            f"snapshot.as_of {to_date(as_of)}: its label window of {horizon_days:,} days ends "
            f"{to_date(to_day(as_of) + horizon_days)}, the data end {to_date(observed_until)}; "
            f"the last complete cutoff is {to_date(last)}.{remedy and ' ' + remedy}"
        )
    return to_day(as_of)


def _one_where(condition: nw.Expr) -> nw.Expr:
    return nw.when(condition).then(nw.lit(1, dtype=nw.Int64)).otherwise(nw.lit(0, dtype=nw.Int64))


def weekly_purchases(
    transactions: IntoFrame, *, as_of: Day, horizon_days: int, returns: Returns = "net"
) -> pd.DataFrame:
    """Count purchase days by week, before and after `as_of`, of the customers seen by then.

    Weeks end on `as_of`, so that none lies on both sides of it. The repeat curve to draw
    forecasts against is the running sum of repeat_purchases.

    Parameters
    ----------
    transactions, as_of, horizon_days, returns
        As `holdout` takes them.

    Returns
    -------
    A small pandas frame, one row a week from the first purchase to the window's end, weeks
    without purchases included:
        week              0 ends on `as_of`, 1 is the first of the window
        last_day          integer day; the last week ends with the window
        first_purchases   customers who came in that week; 0 after `as_of`
        repeat_purchases  purchase days that are not a customer's first

    Examples
    --------
    >>> orders = pd.DataFrame(
    ...     {"customer_id": ["ann", "ann", "bob", "ann"], "day": [80, 88, 99, 112], "amount": 1}
    ... )
    >>> weekly_purchases(orders, as_of=100, horizon_days=14)
       week  last_day  first_purchases  repeat_purchases
    0    -2        86                1                 0
    1    -1        93                0                 1
    2     0       100                1                 0
    3     1       107                0                 0
    4     2       114                0                 1
    """
    start, horizon = to_day(as_of), check_whole(horizon_days, "horizon_days")
    frame = opened(transactions)
    # Each side as of its own end: the summary's purchases before, the holdout's after.
    before = net_days(frame, as_of=start, returns=returns)
    after = net_days(frame, as_of=start + horizon, returns=returns).filter(start < DAY)
    firsts = before.group_by("customer_id").agg(first=DAY.min())
    # Whole weeks to the right of the first day: a floor division that rounds up.
    week = (DAY - start + 6) // 7
    by_week = (
        nw.concat([before, after])
        .join(firsts, on="customer_id", how="inner")
        .select(week=week.cast(nw.Int64), first=_one_where(nw.col("first") == DAY))
        .group_by("week")
        .agg(all_days=nw.len(), first_purchases=nw.col("first").sum())
    )
    rows = eager(by_week).rows(named=True)
    counts = {int(row["week"]): (int(row["first_purchases"]), int(row["all_days"])) for row in rows}
    weeks = range(min(counts), (horizon + 6) // 7 + 1) if counts else range(0)
    found = [counts.get(at, (0, 0)) for at in weeks]
    return pd.DataFrame(
        {
            "week": pd.Series(weeks, dtype="int64"),
            "last_day": pd.Series([start + min(7 * at, horizon) for at in weeks], dtype="int64"),
            "first_purchases": pd.Series([first for first, _ in found], dtype="int64"),
            "repeat_purchases": pd.Series([n - first for first, n in found], dtype="int64"),
        }
    )


def check_whole(number: int, name: str) -> int:
    """Give a whole number above zero, refusing what is none."""
    if isinstance(number, bool) or number != int(number) or number < 1:
        raise SpecError(f"{name} is {number!r}; pass a whole number above zero.")
    return int(number)
