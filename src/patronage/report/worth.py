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

Z95 = 1.959963984540054


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
    table = None if record is None else record.tables.get("holdout_value_deciles")
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
    if ratio is None:
        return Range(max(0.0, value.low), value.high, was_checked=False)
    low = min(value.low, value.total / ratio.high)
    high = max(value.high, value.total / ratio.low)
    return Range(max(0.0, low), high, was_checked=True)


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
    fmt = words.fmt
    answer = words(
        "worth.answer",
        customers=words.counted("customers", value.n),
        total=fmt.money(value.total),
        span=span,
        share=fmt.percent(value.top_share, 0),
    )
    charts = [_tenths(value, words, span), _tiers(material, words)]
    if record is not None:
        charts += [_holdout(record, ratio, words), _curve(record, words)]
    absent = [] if "tier" in material.groups else ["tier"]
    absent += [] if ratio is not None else ["holdout"]
    return Section(
        "worth",
        words("worth.title"),
        answer,
        charts=tuple(chart for chart in charts if chart is not None),
        notes=(words("worth.widened" if ratio is not None else "worth.plain"),),
        absent=tuple(absent),
    )


def _tenths(value: ValueFacts, words: Words, span: str) -> Chart:
    fmt, tenths = words.fmt, value.tenths
    half = tenths[tenths["tenth"] > 5]["value"].sum()  # noqa: PLR2004 - the bottom half of ten
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
                "worth.tenths.sentence",
                share=fmt.percent(_part(tenths["value"].iloc[0], value.total), 0),
                mean=fmt.money(tenths["mean"].iloc[0]),
                rest=fmt.percent(_part(half, value.total), 0),
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
        [
            Series(words("worth.share_customers"), shares["customers"].tolist()),
            Series(words("worth.share_value"), shares["value"].tolist()),
        ],
        caption=Caption(
            fmt,
            words("worth.tiers.title"),
            words(
                "worth.tiers.sentence",
                tier=words.label("tier", best["label"]),
                customers=fmt.percent(shares["customers"].iloc[0], 0),
                value=fmt.percent(shares["value"].iloc[0], 0),
            ),
            words.counted("customers", material.n_customers),
            words("as_of", day=words.day(material.as_of)),
            key="tiers",
        ),
        value=Axis(words("share"), "percent"),
        label=words("tier"),
    )


def group_shares(table: pd.DataFrame) -> pd.DataFrame:
    """Shares of customers and of value by group."""
    return pd.DataFrame(
        {name: table[name] / (table[name].sum() or math.nan) for name in ("customers", "value")}
    )


def holdout_span(record: ModelRecord, words: Words) -> str:
    """Name the days that a model was judged on."""
    if not record.as_of or record.horizon_days is None:
        return ""
    first = date.fromisoformat(record.as_of) + timedelta(days=1)
    last = first + timedelta(days=record.horizon_days - 1)
    return words.fmt.span(first, last)


def _holdout(record: ModelRecord, ratio: Ratio | None, words: Words) -> Chart | None:
    table = record.tables.get("holdout_value_deciles")
    if table is None or ratio is None:
        return None
    fmt = words.fmt
    sentence = words(
        "worth.holdout.sentence",
        ratio=fmt.percent(ratio.value, 0),
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
            holdout_span(record, words),
            words("interval95"),
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
    fmt, last = words.fmt, table.iloc[-1]
    n = record.metrics.get("holdout_customers")
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
                actual=fmt.count(last["actual"]),
                forecast=fmt.count(last["forecast"]),
            ),
            "" if n is None else words.counted("customers", n),
            holdout_span(record, words),
            key="curve",
        ),
        x=Axis(words("worth.curve.x", day=words.day(record.as_of)), "number"),
        y=Axis(words("worth.curve.y"), "count"),
        mark=(0, words("worth.curve.mark")),
    )


def _part(some: float, total: float) -> float:
    return float(some) / total if total else math.nan
