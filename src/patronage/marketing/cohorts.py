"""Cohorts by the calendar unit of the first purchase: who came back, and what they spent.

A purchase is a day with something left after refunds. A refund goes to the day of the order
that it names, where both carry the same order_id; otherwise it is netted backwards from its own
day, as in `patronage.features.rfm.purchase_days`. A cell that is not over is blank.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Literal

import narwhals.stable.v2 as nw
import numpy as np
import pandas as pd
from narwhals.stable.v2.typing import IntoFrame

from patronage.data.frames import Frame, frame_of
from patronage.data.returns import link_refunds
from patronage.data.units import MONEY_SCALE, Day, to_date, to_day
from patronage.errors import SpecError
from patronage.features.rfm import Returns, purchase_days
from patronage.marketing.engines import collected, with_calendar
from patronage.marketing.figures import IMMATURE, PARTLY_MATURE, interval_level
from patronage.marketing.intervals import LEVEL, spend_interval, wilson
from patronage.marketing.periods import calendar_index, calendar_label, check_unit, first_day_of

ALL = ""
DAY, FIRST, CUSTOMER = nw.col("day"), nw.col("first_day"), "customer_id"
Span = tuple[int, int | None]


def retention(
    transactions: IntoFrame,
    *,
    as_of: Day,
    unit: str = "month",
    returns: Returns = "net",
) -> pd.DataFrame:
    """Share of each cohort that bought in each calendar unit after its first.

    Parameters
    ----------
    transactions
        Order lines as `read_table` gives them: customer_id, day, amount, optional order_id.
        pandas, polars, DuckDB or PySpark.
    as_of
        Last day observed.
    unit : "month", "quarter", "week" or "day"
        Of the cohort and of its age; months of the business's time zone.
    returns
        Policy for refunds that the table was read with.

    Returns
    -------
    pandas.DataFrame
        One row a cohort and age, all cohorts together first (cohort ""): cohort, age (units
        since the first), customers, numerator (bought in that unit), denominator (customers
        whose unit is over), value with Wilson's bounds and their level, n (as the denominator),
        n_left_out, window, flag. A unit that is not over is blank: value NaN, flag "immature".

    Examples
    --------
    Ten buyers of January, of whom 9, 7 and 6 buy in the months after:

    >>> orders = pd.DataFrame({
    ...     "customer_id": [*range(10), *range(9), *range(7), *range(6)],
    ...     "day": [3] * 10 + [40] * 9 + [70] * 7 + [100] * 6, "amount": 10_000,
    ... })
    >>> matrix(retention(orders, as_of="1970-04-30"))
    age        0    1    2    3
    cohort
    1970-01  1.0  0.9  0.7  0.6
    """
    cells = _calendar_cells(transactions, as_of=as_of, unit=unit, returns=returns)
    pooled = cells[cells["complete"]].groupby("age", as_index=False)[["customers", "active"]].sum()
    pooled["n_left_out"] = _left_out(cells, pooled["age"])
    table = pd.concat(
        [
            pooled.assign(cohort=ALL, complete=True),
            cells.assign(n_left_out=cells["customers"].where(~cells["complete"], 0)),
        ]
    )
    trials = table["customers"].where(table["complete"], 0)
    return _rates(
        table.assign(numerator=table["active"].where(table["complete"], 0), denominator=trials),
        as_of,
    )


def retention_by_age(
    transactions: IntoFrame,
    at: Sequence[int | Span],
    *,
    as_of: Day,
    kind: Literal["n_day", "bracket", "unbounded"],
    unit: str = "month",
    returns: Returns = "net",
) -> pd.DataFrame:
    """Share of each cohort that came back N days after its own first day.

    Parameters
    ----------
    transactions, as_of, unit, returns
        As in `retention`; `unit` is that of the cohort.
    at
        Ages in days: numbers for "n_day" and "unbounded", pairs of first and last day, both
        included, for "bracket".
    kind
        "n_day": bought on exactly that day. "bracket": bought within the days. "unbounded":
        bought on or after that day; customers observed for longer have more chances, so compare
        cohorts of one age only.

    Returns
    -------
    pandas.DataFrame
        As from `retention`, with age as "7", "1-30" or "30+" and window_days, the day to which
        each customer is followed (NaN for "unbounded": to `as_of`). Customers whose N is not over
        leave both sides and are counted in n_left_out (flag "partly_mature", or "immature"
        where nobody is left).

    Raises
    ------
    SpecError
        If an age does not fit the kind.

    Examples
    --------
    >>> orders = pd.DataFrame({"customer_id": ["a", "a", "b", "c"], "day": [0, 7, 1, 20],
    ...                        "amount": 10_000})
    >>> table = retention_by_age(orders, [7], as_of=20, kind="n_day")
    >>> table[["cohort", "age", "numerator", "denominator", "n_left_out", "flag"]]
        cohort age  numerator  denominator  n_left_out           flag
    0            7          1            2           1  partly_mature
    1  1970-01   7          1            2           1  partly_mature
    """
    check_unit(unit)
    spans = [_span(age, kind) for age in at]
    days = _first_days(transactions, as_of=as_of, returns=returns)
    counts = _age_counts(days, spans, as_of=as_of, unit=unit)
    blocks = [
        pd.DataFrame(
            {
                "cohort": counts["cohort"],
                "age": _age_label(span),
                "customers": counts["customers"],
                "numerator": counts[f"back_{number}"],
                "denominator": counts[f"mature_{number}"],
                "n_left_out": counts["customers"] - counts[f"mature_{number}"],
                "window_days": np.nan if span[1] is None else float(span[1]),
            }
        )
        for number, span in enumerate(spans)
    ]
    table = pd.concat(blocks).sort_values("cohort", kind="stable")
    rates = _rates(table, as_of)
    flag = rates.pop("flag")
    return rates.assign(window_days=table["window_days"].to_numpy(), flag=flag)


def cohort_revenue(
    transactions: IntoFrame,
    *,
    as_of: Day,
    unit: str = "month",
    returns: Returns = "net",
    currency: str = "not stated",
) -> pd.DataFrame:
    """Revenue of each cohort by age, per customer and cumulative.

    Parameters
    ----------
    transactions, as_of, unit, returns
        As in `retention`.
    currency
        Printed beside the figures.

    Returns
    -------
    pandas.DataFrame
        One row a cohort and age, all cohorts together first (cohort ""): cohort, age,
        customers, revenue (of that unit, after refunds), value (revenue per customer of the
        cohort) and cumulative_value, each with bounds over customers (`spend_interval`) and
        their level, denominator and n (customers), n_left_out, window, currency, flag. A unit
        that is not over is blank.

    Examples
    --------
    >>> orders = pd.DataFrame({"customer_id": ["a", "a", "b"], "day": [3, 40, 5],
    ...                        "amount": [100_000, 50_000, 300_000]})
    >>> matrix(cohort_revenue(orders, as_of="1970-02-28"), values="cumulative_value")
    age         0     1
    cohort
    1970-01  20.0  22.5
    """
    cells = _calendar_cells(transactions, as_of=as_of, unit=unit, returns=returns)
    sums = ["customers", "revenue", "squares", "cumulative", "cumulative_squares"]
    pooled = cells[cells["complete"]].groupby("age", as_index=False)[sums].sum()
    pooled["n_left_out"] = _left_out(cells, pooled["age"])
    table = pd.concat(
        [
            pooled.assign(cohort=ALL, complete=True),
            cells.assign(n_left_out=cells["customers"].where(~cells["complete"], 0)),
        ],
        ignore_index=True,
    )
    table[sums[1:]] = table[sums[1:]].where(table["complete"], np.nan)
    n = table["customers"]
    result = table[["cohort", "age", "customers", "revenue"]].copy()
    for name, total, squares in (
        ("value", "revenue", "squares"),
        ("cumulative_value", "cumulative", "cumulative_squares"),
    ):
        bounds = spend_interval(n, table[total], table[squares])
        result[name] = table[total] / n
        prefix = "" if name == "value" else "cumulative_"
        result[f"{prefix}low"], result[f"{prefix}high"] = bounds
    return result.assign(
        interval=_named(result),
        level=interval_level(result["low"], result["high"]),
        denominator=n,
        n=n,
        n_left_out=table["n_left_out"].astype("int64"),
        window=f"up to {to_date(as_of)}",
        currency=currency,
        flag=_flags(table["n_left_out"], table["complete"]),
    )


def _named(result: pd.DataFrame) -> Any:  # noqa: ANN401 - an array
    """Name the interval of each row's value."""
    gamma = result["revenue"] > 0
    return np.where(result["low"].isna(), "", np.where(gamma, "gamma", "student"))


def matrix(table: pd.DataFrame, *, values: str = "value") -> pd.DataFrame:
    """Lay a long cohort table out with a row a cohort and a column an age.

    Parameters
    ----------
    table
        From `retention`, `retention_by_age`, `cohort_revenue` or `cohort_forecast`.
    values
        Column to show.
    """
    cohorts = table[table["cohort"] != ALL]
    ages = list(dict.fromkeys(cohorts["age"]))
    wide = cohorts.pivot_table(
        index="cohort", columns="age", values=values, aggfunc="first", dropna=False
    )
    return wide[sorted(ages) if all(isinstance(age, int) for age in ages) else ages]


def first_days(transactions: IntoFrame, *, as_of: Day, returns: Returns = "net") -> pd.DataFrame:
    """First purchase day of each customer, after refunds, as a pandas frame.

    Returns
    -------
    pandas.DataFrame
        customer_id, first_day.
    """
    days = _first_days(transactions, as_of=as_of, returns=returns)
    return collected(days.group_by(CUSTOMER).agg(FIRST.min()), "first_day")


def _purchases(transactions: IntoFrame, *, as_of: Day, returns: Returns) -> Frame:
    """Purchase days after refunds: customer_id, day, day_value."""
    frame = frame_of(transactions, CUSTOMER, "day", "amount", name="transactions")
    known = frame.filter(to_day(as_of) >= DAY)
    linked = link_refunds(known) if returns == "net" else known
    days: Frame = nw.from_native(purchase_days(linked.to_native(), as_of=as_of, returns=returns))
    return days


def _first_days(transactions: IntoFrame, *, as_of: Day, returns: Returns) -> Frame:
    """Purchase days with the customer's first beside them."""
    days = _purchases(transactions, as_of=as_of, returns=returns)
    return days.with_columns(first_day=DAY.min().over(CUSTOMER))


def _age_counts(days: Frame, spans: Sequence[Span], *, as_of: Day, unit: str) -> pd.DataFrame:
    """Count customers, mature ones and those who came back, by cohort, the whole first."""
    one, zero = nw.lit(1), nw.lit(0)
    elapsed = DAY - FIRST
    derived: dict[str, nw.Expr] = {}
    for number, (start, end) in enumerate(spans):
        mature = (start if end is None else end) + FIRST <= to_day(as_of)
        back = elapsed >= start if end is None else (elapsed >= start) & (elapsed <= end)
        derived[f"mature_{number}"] = nw.when(mature).then(one).otherwise(zero)
        derived[f"back_{number}"] = nw.when(mature & back).then(one).otherwise(zero)
    customers = (
        with_calendar(days, unit=unit, cohort="first_day")
        .with_columns(**derived)
        .group_by(CUSTOMER)
        .agg(nw.col("cohort").min(), *[nw.col(name).max() for name in derived])
    )
    sums = customers.group_by("cohort").agg(
        nw.len().alias("customers"), *[nw.col(name).sum() for name in derived]
    )
    counts = collected(sums, "cohort", "customers", *derived).sort_values("cohort")
    names = [ALL, *(calendar_label(cohort, unit) for cohort in counts["cohort"])]
    return pd.concat([counts.sum().to_frame().T, counts]).assign(cohort=names)


def _calendar_cells(
    transactions: IntoFrame, *, as_of: Day, unit: str, returns: Returns
) -> pd.DataFrame:
    """Cohort x age: customers, active, money and its squares, and whether the unit is over."""
    check_unit(unit)
    days = _purchases(transactions, as_of=as_of, returns=returns)
    at = nw.col("at")
    spent = (
        with_calendar(days, unit=unit, at="day")
        .group_by(CUSTOMER, "at")
        .agg(nw.col("day_value").sum().alias("value"))
        .with_columns(value=nw.col("value").cast(nw.Int64))
        .with_columns(
            cohort=at.min().over(CUSTOMER),
            so_far=nw.col("value").cum_sum().over(CUSTOMER, order_by="at"),
        )
        .with_columns(age=at - nw.col("cohort"))
    )
    value = nw.col("value").cast(nw.Float64) / MONEY_SCALE
    so_far = nw.col("so_far").cast(nw.Float64) / MONEY_SCALE
    # What this unit adds to the square of the customer's running total.
    cells = (
        spent.with_columns(squares=value * value, growth=value * (so_far * 2 - value))
        .group_by("cohort", "age")
        .agg(
            nw.len().alias("active"),
            nw.col("value").sum().alias("revenue"),
            nw.col("squares").sum(),
            nw.col("growth").sum().alias("cumulative_squares"),
        )
    )
    found = collected(cells, "cohort", "age", "active", "revenue")
    return _full_grid(found, as_of=as_of, unit=unit)


def _full_grid(found: pd.DataFrame, *, as_of: Day, unit: str) -> pd.DataFrame:
    now = int(calendar_index(np.array([to_day(as_of)]), unit)[0])
    sizes = found[found["age"] == 0].set_index("cohort")["active"].sort_index()
    grid = pd.DataFrame(
        [(cohort, age) for cohort in sizes.index for age in range(now - cohort + 1)],
        columns=["cohort", "age"],
        dtype="int64",
    )
    cells = grid.merge(found, on=["cohort", "age"], how="left")
    measured = ["active", "revenue", "squares", "cumulative_squares"]
    cells[measured] = cells[measured].fillna(0).astype(float)
    cells["active"] = cells["active"].astype("int64")
    cells["revenue"] = cells["revenue"] / MONEY_SCALE
    running = cells.groupby("cohort")[["revenue", "cumulative_squares"]].cumsum()
    ends = first_day_of((cells["cohort"] + cells["age"] + 1).to_numpy(), unit) - 1
    return cells.assign(
        customers=cells["cohort"].map(sizes).astype("int64"),
        cumulative=running["revenue"],
        cumulative_squares=running["cumulative_squares"],
        complete=ends <= to_day(as_of),
        cohort=[calendar_label(cohort, unit) for cohort in cells["cohort"]],
    )


def _left_out(cells: pd.DataFrame, ages: pd.Series[Any]) -> pd.Series[Any]:
    """Count the customers of all cohorts whose unit of that age is not over, or not begun."""
    customers = cells.drop_duplicates("cohort")["customers"].sum()
    complete = cells[cells["complete"]].groupby("age")["customers"].sum()
    return customers - ages.map(complete)


def _span(age: int | Span, kind: str) -> Span:
    if kind == "bracket":
        if isinstance(age, int) or len(age) != 2 or age[1] is None or age[0] > age[1]:  # noqa: PLR2004 - a pair
            raise SpecError(f"at has {age!r}; a bracket is a pair (first day, last day).")
        return age
    if kind not in {"n_day", "unbounded"}:
        raise SpecError(f"kind is {kind!r}; use n_day, bracket or unbounded.")
    if not isinstance(age, int) or age < 0:
        raise SpecError(f"at has {age!r}; {kind} takes whole days, 0 or more.")
    return (age, age) if kind == "n_day" else (age, None)


def _age_label(span: Span) -> str:
    start, end = span
    if end is None:
        return f"{start}+"
    return str(start) if start == end else f"{start}-{end}"


def _flags(left_out: pd.Series[Any], mature: pd.Series[Any]) -> np.ndarray[Any, Any]:
    return np.where(left_out == 0, "", np.where(mature, PARTLY_MATURE, IMMATURE))


def _rates(table: pd.DataFrame, as_of: Day) -> pd.DataFrame:
    trials = table["denominator"].astype(float)
    low, high = wilson(table["numerator"], trials)
    columns = ["cohort", "age", "customers", "numerator", "denominator"]
    return (
        table[columns]
        .assign(
            value=table["numerator"] / trials.where(trials > 0),
            low=low,
            high=high,
            interval=np.where(trials > 0, "wilson", ""),
            level=np.where(trials > 0, LEVEL, np.nan),
            n=table["denominator"].astype("int64"),
            n_left_out=table["n_left_out"].astype("int64"),
            window=f"up to {to_date(as_of)}",
            flag=_flags(table["n_left_out"], trials > 0),
        )
        .reset_index(drop=True)
    )
