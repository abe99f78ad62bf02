"""Question 1: what customers are worth, how value is spread, and whether forecasts came true."""

from __future__ import annotations

import math
from datetime import date, timedelta
from typing import NamedTuple

import numpy as np
import pandas as pd

from patronage.report.charts import Axis, Caption, Chart, Series, bars, lines
from patronage.report.material import Material, ModelRecord, ValueFacts
from patronage.report.palette import FORECAST, MEASURED
from patronage.report.sections import Section
from patronage.report.words import Words

Z80 = 1.2815515655446004
FEW = 50
"""Below so many customers a tenth is a handful, and its share of the whole one customer's."""


class Ratio(NamedTuple):
    """Forecast over what came, with its 95% interval."""

    value: float
    low: float
    high: float


class Range(NamedTuple):
    """Ends of what the total may come to, and whether a check on later days widened them."""

    low: float
    high: float
    was_checked: bool


def spend_ratio(record: ModelRecord | None) -> Ratio | None:
    """Money forecast over money that came on the holdout; None where neither is known."""
    return ratio_of(None if record is None else record.tables.get("holdout_value_deciles"))


def ratio_of(table: pd.DataFrame | None) -> Ratio | None:
    """Forecast over what came of a decile table; None where nothing came or was forecast."""
    if table is None or table.empty:
        return None
    n = table["n"].to_numpy(float)
    forecast = float(n @ table["predicted_mean"].to_numpy(float))
    actual = float(n @ table["actual_mean"].to_numpy(float))
    if not (forecast > 0 and actual > 0):
        return None
    half = n * (table["actual_high"] - table["actual_low"]).fillna(0.0).to_numpy(float) / 2
    wide = float(np.sqrt((half**2).sum()))
    low = forecast / (actual + wide)
    high = forecast / (actual - wide) if actual > wide else math.inf
    return Ratio(forecast / actual, low, high)


def total_range(value: ValueFacts, ratio: Ratio | None) -> Range:
    """Chance among customers, widened to what the total would be if the last miss came again."""
    ends = [] if ratio is None else [value.total / ratio.high, value.total / ratio.low]
    low, high = min(value.low, *ends, value.total), max(value.high, *ends, value.total)
    return Range(low if value.n_below else max(0.0, low), high, was_checked=ratio is not None)


def span_ahead(words: Words, as_of: date | None, days: float | None) -> str:
    """Name the days that a forecast is about."""
    if as_of is None or days is None:
        return words("ahead")
    first = as_of + timedelta(days=1)
    return words("next_days", days=words.fmt.count(days), day=words.day(first))


def worth_section(material: Material, words: Words) -> Section | None:
    """Answer the question; None without forecast value."""
    value = material.value
    if value is None:
        return None
    record = material.models.get("value")
    ratio = spend_ratio(record)
    span = span_ahead(words, material.as_of, value.days)
    charts = [_tenths(value, words, span), _tiers(material, words)]
    if record is not None:
        charts += [_holdout(record, ratio, words), _curve(record, words)]
    absent = [] if "tier" in material.groups else ["tier"]
    absent += [] if ratio is not None else ["holdout"]
    return Section(
        "worth",
        words("worth.title"),
        _answer(value, words, span),
        charts=tuple(chart for chart in charts if chart is not None),
        notes=tuple(_notes(value, words, was_checked=ratio is not None)),
        absent=tuple(absent),
    )


def _has_shares(value: ValueFacts) -> bool:
    """Say whether parts of the total are shares of it: losses among them would not be."""
    return value.n_below == 0 and value.total > 0


def _answer(value: ValueFacts, words: Words, span: str) -> str:
    fmt, fields = words.fmt, {"customers": words.counted("customers", value.n), "span": span}
    if value.n < FEW or not _has_shares(value):
        total = fmt.money(value.total)
        return words(words.agreeing("worth.answer.few", value.n), total=total, **fields)
    return words(
        "worth.answer",
        total=fmt.money(value.total),
        share=fmt.percent(value.top_share, 0),
        median=fmt.money(value.median),
        **fields,
    )


def _notes(value: ValueFacts, words: Words, *, was_checked: bool) -> list[str]:
    notes = [] if value.margin is None else [_basis(value, value.margin, words)]
    notes.append(words("worth.widened" if was_checked else "worth.plain"))
    if value.n < FEW:
        notes.append(words("worth.few", few=words.fmt.count(FEW)))
    if value.n_below:
        n, total = words.fmt.count(value.n_below), words.fmt.money(value.below)
        notes.append(words(words.agreeing("worth.below", value.n_below), n=n, total=total))
    return notes


def _basis(value: ValueFacts, margin: float, words: Words) -> str:
    """Say what is counted as value: all that is paid, or the margin in it."""
    fmt = words.fmt
    discount = fmt.brief(value.annual_discount, "percent")
    if margin == 1:
        return words("worth.basis.revenue", discount=discount)
    return words("worth.basis.margin", margin=fmt.brief(margin, "percent"), discount=discount)


def _tenths(value: ValueFacts, words: Words, span: str) -> Chart | None:
    if value.n < FEW:
        return None
    fmt, tenths = words.fmt, value.tenths
    first, half = tenths["value"].iloc[0], tenths[tenths["tenth"] > 5]["value"].sum()  # noqa: PLR2004 - the bottom half of ten
    parts = [first, half]
    if _has_shares(value):
        share, rest = (fmt.percent(_part(part, value.total), 0) for part in parts)
    else:
        share, rest = (fmt.money(part) for part in parts)
    return bars(
        tenths["tenth"].astype(int).astype(str).tolist(),
        [
            Series(
                words("value.label"),
                tenths["value"].tolist(),
                tenths["low"].tolist(),
                tenths["high"].tolist(),
                tenths["n"].tolist(),
            )
        ],
        caption=Caption(
            fmt,
            words("worth.tenths.title"),
            words(
                "worth.tenths.sentence" if _has_shares(value) else "worth.tenths.sums",
                share=share,
                mean=fmt.money(tenths["mean"].iloc[0]),
                rest=rest,
            ),
            words.counted("customers", value.n),
            span,
            words("interval80"),
            key="tenths",
        ),
        value=Axis(words("value.label"), "money"),
        label=words("worth.tenths.label"),
    )


def _tiers(material: Material, words: Words) -> Chart | None:
    tiers = material.groups.get("tier")
    if tiers is None or "value" not in tiers or tiers.empty:
        return None
    best, fmt = tiers.iloc[0], words.fmt
    shares = group_shares(tiers)
    return bars(
        [words.label("tier", label) for label in tiers["label"]],
        shares_of(tiers, words),
        caption=Caption(
            fmt,
            words("worth.tiers.title"),
            words(
                "worth.tiers.sentence",
                tier=words.label("tier", best["label"]),
                customers=fmt.percent(shares["customers"].iloc[0], 0),
                value=fmt.percent(shares["value"].iloc[0], 0),
            ),
            words.counted("customers", int(tiers["customers"].sum())),
            value_window(material, words),
            words("interval80") if "value_spread" in tiers else "",
            words("counted"),
            key="tiers",
        ),
        value=Axis(words("share"), "percent"),
        label=words("tier"),
    )


def group_shares(table: pd.DataFrame) -> pd.DataFrame:
    """Shares of customers and of value by group, the latter with low and high (80%).

    A group's value and that of the others vary independently of each other, so that of its
    share s = a / (a + b) is (1 - s)^2 var(a) + s^2 var(b), over the square of the total.
    """
    shares = pd.DataFrame(
        {name: table[name] / (table[name].sum() or math.nan) for name in ("customers", "value")}
    )
    if "value_spread" in table:
        variance = table["value_spread"] ** 2
        rest = variance.sum() - variance
        share, total = shares["value"], table["value"].sum() or math.nan
        half = Z80 * np.sqrt((1 - share) ** 2 * variance + share**2 * rest) / total
        shares = shares.assign(low=(share - half).clip(lower=0), high=(share + half).clip(upper=1))
    return shares


def shares_of(table: pd.DataFrame, words: Words) -> list[Series]:
    """Two series of a table of groups: their shares of customers, and of value where known."""
    n = table["customers"].tolist()
    known = "value" in table
    shares = group_shares(table if known else table.assign(value=0.0))
    series = [Series(words("worth.share_customers"), shares["customers"].tolist(), n=n)]
    if known:
        low, high = (shares[end].tolist() if end in shares else None for end in ("low", "high"))
        series.append(Series(words("worth.share_value"), shares["value"].tolist(), low, high, n))
    return series


def value_window(material: Material, words: Words) -> str:
    """Name the day of the scores, and the days that their value is about."""
    if material.as_of is None:
        return words("undated")
    days = None if material.value is None else material.value.days
    span = span_ahead(words, material.as_of, days)
    return words("value_ahead", day=words.day(material.as_of), span=span)


def holdout_span(record: ModelRecord, words: Words) -> str:
    """Name the days that a model was judged on."""
    if not record.as_of or record.horizon_days is None:
        return ""
    first = date.fromisoformat(record.as_of) + timedelta(days=1)
    last = first + timedelta(days=record.horizon_days - 1)
    return words.fmt.span(first, last)


def _holdout(record: ModelRecord, ratio: Ratio | None, words: Words) -> Chart | None:
    table = record.tables.get("holdout_value_deciles")
    if table is None or ratio is None or table["n"].sum() < FEW:
        return None
    fmt = words.fmt
    sentence = words(
        "worth.holdout.sentence",
        ratio=fmt.percent(ratio.value, 0),
        low=fmt.percent(ratio.low, 0),
        high=fmt.percent(ratio.high, 0),
        days=fmt.count(record.horizon_days),
        day=words.day(record.as_of),
        share=fmt.percent(table["actual_share"].iloc[0], 0),
    )
    return bars(
        table["decile"].astype(int).astype(str).tolist(),
        forecast_and_actual(table, words),
        caption=Caption(
            fmt,
            words("worth.holdout.title"),
            sentence,
            words.counted("customers", int(table["n"].sum())),
            holdout_span(record, words) or words("no_window"),
            words("interval95"),
            words("worth.holdout.bare"),
            key="holdout",
        ),
        value=Axis(words("worth.holdout.value"), "money"),
        label=words("worth.holdout.label"),
    )


def forecast_and_actual(table: pd.DataFrame, words: Words) -> list[Series]:
    """Two series of a decile table."""
    return [
        Series(
            words("forecast"), table["predicted_mean"].tolist(), n=table["n"].tolist(), ink=FORECAST
        ),
        Series(
            words("actual"),
            table["actual_mean"].tolist(),
            table["actual_low"].tolist(),
            table["actual_high"].tolist(),
            table["n"].tolist(),
            ink=MEASURED,
        ),
    ]


def _curve(record: ModelRecord, words: Words) -> Chart | None:
    table = record.tables.get("holdout_curve")
    if table is None or table.empty:
        return None
    fmt, (actual, forecast) = words.fmt, _since_the_mark(table)
    n = record.metrics.get("holdout_customers", _customers(record))
    ends = [record.metrics.get(f"holdout_total_ratio_{end}") for end in ("low", "high")]
    reach = [fmt.percent(end, 0) for end in ends if end is not None]
    return lines(
        table["week"].tolist(),
        [
            Series(words("forecast"), table["forecast"].tolist(), ink=FORECAST),
            Series(words("actual"), table["actual"].tolist(), ink=MEASURED),
        ],
        caption=Caption(
            fmt,
            words("worth.curve.title"),
            words(
                "worth.curve.sentence",
                actual=words.counted("repeats", actual),
                forecast=fmt.count(forecast),
                ratio=fmt.percent(forecast / actual if actual else None, 0),
            ),
            "" if n is None else words.counted("customers", n),
            holdout_span(record, words) or words("no_window"),
            words("worth.curve.reach", low=reach[0], high=reach[1]) if len(reach) > 1 else "",
            words("worth.curve.bare"),
            key="curve",
        ),
        x=Axis(words("worth.curve.x", day=words.day(record.as_of)), "number"),
        y=Axis(words("worth.curve.y"), "count"),
        mark=(0, words("worth.curve.mark")),
    )


def _since_the_mark(table: pd.DataFrame) -> tuple[float, float]:
    """Give what came and what was forecast in the check; the lines count weeks before as well."""
    counts = table.sort_values("week")[["week", "actual", "forecast"]]
    before = counts[counts["week"] <= 0]
    start = before.iloc[-1] if len(before) else counts.iloc[0] * 0
    last = counts.iloc[-1]
    return float(last["actual"] - start["actual"]), float(last["forecast"] - start["forecast"])


def _customers(record: ModelRecord) -> float | None:
    """Count the customers of the check."""
    table = record.tables.get("holdout_value_deciles")
    return None if table is None else float(table["n"].sum())


def _part(some: float, total: float) -> float:
    return float(some) / total if total else math.nan
