"""What a customer's purchases look like from a day: counts, sums, rhythm, trend, tastes.

Every function takes Narwhals frames and gives columns of `catalogue`. Deviations and ratios
are made of integer sums and divided once, so that they are the same bits on every engine.
"""

from math import cos, pi, sin

import narwhals.stable.v2 as nw
from narwhals.stable.v2.typing import FrameT

from patronage.data.units import YEAR_DAYS, Day, to_date, to_day
from patronage.features.declared import RECENT_GAPS, WINDOWS
from patronage.features.rfm import (
    AMOUNT,
    DAY,
    DAY_VALUE,
    first_value,
    first_value_keys,
    in_currency,
    summary_columns,
    totals_of_days,
)

_ZERO = nw.lit(0, dtype=nw.Int64)
_TREND_DAYS = 90


def rhythm(days: FrameT, *, as_of: Day) -> FrameT:
    """Give the features that follow from a customer's purchase days alone.

    Parameters
    ----------
    days : Narwhals frame of `purchase_days`
    as_of : day that they were taken as of

    Returns
    -------
    One row a customer: the four columns of `rfm_summary`, recency_days, age_days, counts and
    sums by window, gaps, trends, first_value, season.
    """
    marked = _mark_windows(_mark_gaps(days), as_of=as_of).with_columns(**first_value_keys())
    sums = {
        f"{kind}_{window}": nw.col(f"{kind}_{window}").sum()
        for window in WINDOWS
        for kind in ("purchases", "spend")
    }
    sums |= {name: nw.col(name).sum() for name in ("gap_squared", "gap_last", "gap_recent")}
    totals = marked.group_by("customer_id").agg(**totals_of_days(), **sums)
    # DuckDB sums integers to 128 bits.
    whole = totals.with_columns(nw.col(*sums, "purchases", "value").cast(nw.Int64))
    since = (to_day(as_of) - nw.col("last")).cast(nw.Int64)
    return whole.select(
        "customer_id",
        **summary_columns(as_of=as_of),
        recency_days=since,
        age_days=(to_day(as_of) - nw.col("first")).cast(nw.Int64),
        **{f"purchases_{window}": nw.col(f"purchases_{window}") for window in WINDOWS},
        **{f"spend_{window}": in_currency(nw.col(f"spend_{window}")) for window in WINDOWS},
        **_gap_columns(since),
        purchase_trend=_trend("purchases"),
        spend_trend=_trend("spend"),
        first_value=in_currency(first_value()),
        **_season(as_of),
    )


def refund_shares(transactions: FrameT, *, as_of: Day) -> FrameT:
    """Give the share of a customer's gross spend by `as_of` that refunds took back, at most 1."""
    seen = transactions.filter(to_day(as_of) >= DAY).select(
        "customer_id",
        gross=nw.when(AMOUNT > 0).then(AMOUNT).otherwise(_ZERO),
        refunded=nw.when(AMOUNT < 0).then(-AMOUNT).otherwise(_ZERO),
    )
    sums = seen.group_by("customer_id").agg(nw.col("gross").sum(), nw.col("refunded").sum())
    gross, refunded = nw.col("gross"), nw.col("refunded")
    capped = nw.when(refunded < gross).then(refunded).otherwise(gross)
    return sums.with_columns(gross.cast(nw.Int64), refunded.cast(nw.Int64)).select(
        "customer_id", refund_share=capped / _at_least_one(gross)
    )


def tastes(transactions: FrameT, days: FrameT, *, name: str, as_of: Day) -> FrameT:
    """Give what customers buy from or what they buy: levels of a column of the order lines.

    Days count, not lines, so that an order split into lines counts once.

    Parameters
    ----------
    transactions : Narwhals frame of order lines with the column
    days : Narwhals frame of `purchase_days` as of the same day; other days don't count
    name : "channel" or "product"; null is no level

    Returns
    -------
    One row for each customer with a level: {name}s, main_{name}_share, first_{name} and
    last_{name}. On a day with several levels the one of most value stands for it, then the
    first in order.
    """
    lines = transactions.filter(to_day(as_of) >= DAY, AMOUNT >= 0, ~nw.col(name).is_null())
    by_day = (
        lines.group_by("customer_id", "day", name)
        .agg(level_value=AMOUNT.sum())
        .with_columns(DAY.cast(nw.Int64), nw.col("level_value").cast(nw.Int64))
        .join(days.select("customer_id", "day"), on=["customer_id", "day"], how="inner")
    )
    by_level = by_day.group_by("customer_id", name).agg(level_days=nw.len())
    mix = by_level.group_by("customer_id").agg(
        levels=nw.len(), most=nw.col("level_days").max(), all_days=nw.col("level_days").sum()
    )
    return (
        mix.select(
            "customer_id",
            nw.col("levels").cast(nw.Int64).alias(f"{name}s"),
            (nw.col("most").cast(nw.Int64) / nw.col("all_days").cast(nw.Int64)).alias(
                f"main_{name}_share"
            ),
        )
        .join(_level_of_day(by_day, name, DAY.min(), "first"), on="customer_id", how="left")
        .join(_level_of_day(by_day, name, DAY.max(), "last"), on="customer_id", how="left")
    )


def _mark_gaps(days: FrameT) -> FrameT:
    """Add the days since the purchase day before, 0 on the first, in the sums they go to."""
    gap = nw.col("gap")
    place = nw.col("place_from_last")
    return (
        days.with_columns(one=nw.lit(1, dtype=nw.Int64))
        .with_columns(
            day_before=DAY.shift(1).over("customer_id", order_by="day"),
            # Not cum_count, which on pandas counts forward though asked for the reverse.
            place_from_last=nw.col("one").cum_sum(reverse=True).over("customer_id", order_by="day"),
        )
        .with_columns(gap=(DAY - nw.col("day_before")).fill_null(0).cast(nw.Int64))
        .with_columns(
            gap_squared=gap * gap,
            gap_last=nw.when(place == 1).then(gap).otherwise(_ZERO),
            gap_recent=nw.when(place <= RECENT_GAPS).then(gap).otherwise(_ZERO),
        )
    )


def _mark_windows(days: FrameT, *, as_of: Day) -> FrameT:
    """Add one column a window that is 1, and one that is the day's value, where it is inside."""
    marks = {}
    for window in WINDOWS:
        inside = to_day(as_of) - window < DAY
        marks[f"purchases_{window}"] = (
            nw.when(inside).then(nw.lit(1, dtype=nw.Int64)).otherwise(_ZERO)
        )
        marks[f"spend_{window}"] = nw.when(inside).then(DAY_VALUE).otherwise(_ZERO)
    return days.with_columns(**marks)


def _gap_columns(since: nw.Expr) -> dict[str, nw.Expr]:
    """Give the gap features from sums of whole days; missing where there is no gap."""
    gaps = nw.col("purchases") - 1
    span = nw.col("last") - nw.col("first")
    spread = gaps * nw.col("gap_squared") - span * span
    recent = nw.when(gaps < RECENT_GAPS).then(gaps).otherwise(nw.lit(RECENT_GAPS))
    whole = {
        "gap_mean": span / _at_least_one(gaps),
        "gap_last": nw.col("gap_last").cast(nw.Float64),
        "gap_last_over_mean": nw.col("gap_last") * gaps / _at_least_one(span),
        "gap_recent_mean": nw.col("gap_recent") / _at_least_one(recent),
        "silence_over_gap": since * gaps / _at_least_one(span),
    }
    deviation = (spread / _at_least_one(gaps * (gaps - 1))).sqrt()
    columns: dict[str, nw.Expr] = {}
    for name, column in whole.items():
        columns[name] = nw.when(gaps > 0).then(column)
    columns["gap_deviation"] = nw.when(gaps > 1).then(deviation)
    return columns


def _trend(kind: str) -> nw.Expr:
    """Compare the last days with as many before, as a share of both: -1 to 1, 0 where none."""
    both = nw.col(f"{kind}_{2 * _TREND_DAYS}")
    return (2 * nw.col(f"{kind}_{_TREND_DAYS}") - both) / _at_least_one(both)


def _season(as_of: Day) -> dict[str, nw.Expr]:
    angle = 2 * pi * to_date(as_of).timetuple().tm_yday / YEAR_DAYS
    return {
        "season_sin": nw.lit(sin(angle), dtype=nw.Float64),
        "season_cos": nw.lit(cos(angle), dtype=nw.Float64),
    }


def _level_of_day(by_day: FrameT, name: str, day: nw.Expr, which: str) -> FrameT:
    """Pick each customer's level on one day, the most valuable, then the first in order."""
    value = nw.col("level_value")
    return (
        by_day.filter(day.over("customer_id") == DAY)
        .filter(value.max().over("customer_id") == value)
        .group_by("customer_id")
        .agg(nw.col(name).min().alias(f"{which}_{name}"))
    )


def _at_least_one(number: nw.Expr) -> nw.Expr:
    """Make a divisor of a whole number: Spark refuses zero even where a condition leaves it out."""
    return nw.when(number > 0).then(number).otherwise(nw.lit(1, dtype=nw.Int64))
