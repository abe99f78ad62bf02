"""Pictures of customers and models, for notebooks and runs.

Each function takes a small table and gives a `Chart`: static SVG that shows itself in a
notebook, with the sentence that says what it shows, the table behind it and `save`. Those of
funnels, cohorts, channels, answers and segments live in `patronage.plots_marketing` and can be
had from here too.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from patronage.plots_marketing import (
    FMT,
    INTERVAL,
    cohort_matrix,
    credit_by_model,
    figure_by_group,
    funnel_steps,
    measured,
    moves,
    shares_of_segments,
    trend,
)
from patronage.report import charts
from patronage.report.charts import FORECAST, MEASURED, Axis, Caption, Chart, Series
from patronage.report.format import Unit

if TYPE_CHECKING:
    from matplotlib.figure import Figure

__all__ = [
    "by_decile", "captured", "cohort_matrix", "credit_by_model", "cumulative_purchases",
    "effects", "figure_by_group", "funnel_steps", "gain_by_budget", "importance", "moves",
    "profit", "reliability", "shares_of_segments", "summary", "trend", "uplift",
]  # fmt: skip

AT_RANDOM = 7
"""Ink of what one compares with."""


def cumulative_purchases(curve: pd.DataFrame, *, n: int | None = None, window: str = "") -> Chart:
    """Draw cumulative repeat purchases, actual and forecast, by week.

    Parameters
    ----------
    curve : one row a week
        week (0 ends on the last day that the model learnt from), actual, forecast.
    n, window
        Customers, and days of the forecast, for the note.

    Examples
    --------
    >>> cumulative_purchases(pd.DataFrame({"week": [0, 1], "actual": [4, 8], "forecast": [4, 9]}))
    <Chart: All customers: forecast and what came. By week 1, 8 repeat purchases came and 9 ...>
    """
    sentence = ""
    if len(curve):
        last = curve.iloc[-1]
        came, expected = float(last["actual"]), float(last["forecast"])
        sentence = (
            f"By week {FMT.count(last['week'])}, {FMT.count(came)} repeat purchases came and "
            f"{FMT.count(expected)} were forecast{_off(expected, came)}."
        )
    return charts.lines(
        curve["week"].tolist(),
        [
            Series("came", curve["actual"].tolist(), ink=MEASURED),
            Series("forecast", curve["forecast"].tolist(), ink=FORECAST),
        ],
        caption=Caption(
            FMT, "All customers: forecast and what came", sentence, _customers(n), window
        ),
        x=Axis("week", "count"),
        y=Axis("cumulative repeat purchases", "count"),
        mark=(0.0, "the model learns up to week 0"),
    )


def by_decile(deciles: pd.DataFrame, what: str, *, window: str = "") -> Chart:
    """Draw the holdout's mean by predicted decile, what came beside the forecast.

    Parameters
    ----------
    deciles : index decile, 1 the highest forecast
        predicted_mean, actual_mean, actual_low, actual_high and n, as `decile_table` gives them.
    what
        What is counted, such as purchases or spend.
    window
        Days of the forecast, for the note.
    """
    sentence = ""
    if len(deciles):
        top, low = deciles.iloc[0], deciles.iloc[-1]
        sentence = (
            f"The tenth with the highest forecast: {FMT.number(top['predicted_mean'])} {what} a "
            f"customer forecast, {FMT.number(top['actual_mean'])} came; the lowest: "
            f"{FMT.number(low['predicted_mean'])} and {FMT.number(low['actual_mean'])}."
        )
    counted = deciles["n"].tolist() if "n" in deciles else None
    came = measured("came", deciles, [f"actual_{part}" for part in ("mean", "low", "high")])
    return charts.bars(
        deciles.index.tolist(),
        [came, Series("forecast", deciles["predicted_mean"].tolist(), n=counted, ink=FORECAST)],
        caption=Caption(
            FMT, "Groups of customers: forecast and what came", sentence,
            _customers(None if counted is None else sum(counted)), window, INTERVAL,
        ),
        value=Axis(f"mean {what} a customer"),
        label="tenth of customers by forecast, 1 the highest",
    )  # fmt: skip


def summary(curve: pd.DataFrame, value_deciles: pd.DataFrame) -> Figure:
    """Draw whether the forecast came true as one bitmap, for where SVG cannot go.

    Returns
    -------
    A matplotlib figure: cumulative purchases on the left, spend by tenth on the right.
    """
    from matplotlib.figure import Figure  # noqa: PLC0415 - the one picture that needs it

    figure = Figure(figsize=(12, 4.5), layout="constrained")
    left, right = figure.subplots(1, 2)
    left.plot(curve["week"], curve["actual"], color="#0072B2", label="came")
    left.plot(curve["week"], curve["forecast"], color="#D55E00", linestyle="--", label="forecast")
    left.axvline(0, color="#767676", linewidth=1, linestyle=":", label="the model learns up to 0")
    left.set(xlabel="week", ylabel="cumulative repeat purchases", title="All customers")
    at, actual = value_deciles.index.to_numpy(), value_deciles["actual_mean"]
    reach = [actual - value_deciles["actual_low"], value_deciles["actual_high"] - actual]
    right.bar(
        at - 0.2, actual, 0.4, yerr=[part.fillna(0).clip(lower=0) for part in reach],
        capsize=2, color="#0072B2", label="came, 95%",
    )  # fmt: skip
    right.bar(
        at + 0.2, value_deciles["predicted_mean"], 0.4, color="#F6C9A5", edgecolor="#D55E00",
        hatch="///", label="forecast",
    )  # fmt: skip
    right.set(
        xticks=at,
        xlabel="tenth of customers by forecast, 1 the highest",
        ylabel="mean spend a customer",
        title="Groups of customers",
    )
    for axes in (left, right):
        axes.spines[["top", "right"]].set_visible(False)
        axes.legend(frameon=False)
    return figure


def captured(reached: pd.DataFrame, *, n: int | None = None) -> Chart:
    """Draw the part of all positives that the top of a ranking holds.

    Parameters
    ----------
    reached : one row a share
        share, capture, as `lift_table` gives them.
    n
        Rows of the list, for the note.
    """
    sentence = ""
    if len(reached):
        place = int((reached["share"] - 0.1).abs().to_numpy().argmin())
        share, held = float(reached["share"].iloc[place]), float(reached["capture"].iloc[place])
        sentence = (
            f"The first {FMT.brief(share, 'percent')} of the list hold "
            f"{FMT.brief(held, 'percent')} of the outcomes, {FMT.number(held / share)} times as "
            "many as at random."
        )
    start = [0.0] if len(reached) else []
    shares = [*start, *reached["share"].tolist()]
    return charts.lines(
        shares,
        [
            Series("by the model", [*start, *reached["capture"].tolist()], ink=MEASURED),
            Series("at random", shares, ink=AT_RANDOM),
        ],
        caption=Caption(FMT, "What the top of the list holds", sentence, _rows(n)),
        x=Axis("share contacted, highest chance first", "percent"),
        y=Axis("share of the outcomes among them", "percent"),
    )


def reliability(curve: pd.DataFrame) -> Chart:
    """Draw the observed rate by forecast.

    Parameters
    ----------
    curve : one row a bin
        forecast, observed, low, high and n, as `reliability_curve` gives them.
    """
    counted = curve["n"].tolist() if "n" in curve else None
    sentence = ""
    if len(curve):
        within = int(curve["forecast"].between(curve["low"], curve["high"]).sum())
        apart = (curve["forecast"] - curve["observed"]).abs().astype(float)
        mean = np.average(apart, weights=np.ones(len(curve)) if counted is None else counted)
        sentence = (
            f"Forecast and what came are {FMT.number(100 * float(mean))} points apart on average; "
            f"in {within} of {len(curve)} groups the forecast lies within the interval."
        )
    return charts.reliability(
        curve["forecast"].tolist(),
        measured("what came", curve, ["observed", "low", "high"]),
        caption=Caption(
            FMT, "Do the chances come true?", sentence,
            _rows(None if counted is None else sum(counted)), interval=INTERVAL,
        ),
        x=Axis("forecast chance", "percent"),
        y=Axis("observed rate", "percent"),
        ideal="as forecast",
    )  # fmt: skip


def profit(curve: pd.DataFrame, *, n: int | None = None) -> Chart:
    """Draw the profit of an offer by the share of the list that gets it.

    Parameters
    ----------
    curve
        share, profit (currency units a row), as `profit_curve` gives them.
    n
        Rows of the list, for the note.
    """
    sentence = ""
    if len(curve):
        best = curve.iloc[int(curve["profit"].to_numpy().argmax())]
        sentence = (
            f"Profit is highest, {FMT.money(best['profit'])} a row, with the first "
            f"{FMT.brief(best['share'], 'percent')} of the list."
            if best["profit"] > 0
            else "The offer pays for no part of the list."
        )
    return charts.lines(
        curve["share"].tolist(),
        [Series("profit a row", curve["profit"].tolist())],
        caption=Caption(FMT, "How far down the list an offer pays", sentence, _rows(n)),
        x=Axis("share contacted, highest chance first", "percent"),
        y=Axis("profit a row of the list, currency units", "money"),
    )


def importance(table: pd.DataFrame) -> Chart:
    """Draw what a model leans on.

    Parameters
    ----------
    table : the most important first
        meaning, importance (a share).
    """
    sentence = ""
    if len(table):
        first = table.iloc[0]
        share = FMT.brief(first["importance"], "percent")
        sentence = f"Most: {first['meaning']}, {share} of what the model gained."
    return charts.bars(
        table["meaning"].tolist(),
        [Series("share", table["importance"].tolist())],
        caption=Caption(FMT, "What the model leans on", sentence),
        value=Axis("share of what the model gained", "percent"),
        label="meaning",
        horizontal=True,
    )


def uplift(curve: pd.DataFrame) -> Chart:
    """Draw what treating the top of a ranking by expected effect gains (Qini curve).

    Parameters
    ----------
    curve : one row a share
        share, qini, low, high, random, as `UpliftReport` holds them.
    """
    sentence = ""
    if len(curve):
        best, last = curve.iloc[int(curve["qini"].to_numpy().argmax())], curve.iloc[-1]
        sentence = (
            f"Treating the best {FMT.brief(float(best['share']), 'percent')} gains "
            f"{FMT.number(float(best['qini']))} a unit of the list, treating all "
            f"{FMT.number(float(last['qini']))}."
        )
    return charts.lines(
        curve["share"].tolist(),
        [
            measured("by expected effect", curve, ("qini", "low", "high")),
            Series("at random", curve["random"].tolist(), ink=AT_RANDOM),
        ],
        caption=Caption(FMT, "What the most movable bring", sentence, interval=INTERVAL),
        x=Axis("share treated, highest expected effect first", "percent"),
        y=Axis("gained a unit of the list"),
    )


def effects(table: pd.DataFrame, label: str, what: str, *, unit: Unit = "number") -> Chart:
    """Draw estimated effects with their intervals, a row each, beside no effect.

    Parameters
    ----------
    table : one row an effect
        The column `label`, effect, low, high, such as segments or arms of an experiment.
    label, what
        What the rows are, and on what the effect is.
    unit
        percent for differences of rates.
    """
    clear = (table["low"] > 0) | (table["high"] < 0)
    sentence = f"{int(clear.sum())} of {len(table)} intervals exclude no effect."
    return charts.forest(
        table[label].tolist(),
        measured("effect", table, ("effect", "low", "high")),
        caption=Caption(FMT, f"Effect on {what} by {label}", sentence, interval=INTERVAL),
        value=Axis(f"effect on {what}", unit),
        label=label,
        reference=0.0,
    )


def gain_by_budget(curve: pd.DataFrame, *, budget: float | None = None) -> Chart:
    """Draw the best expected gain by budget.

    Parameters
    ----------
    curve
        budget, expected_gain, as `patronage.decisions.what_if.profit_curve` gives them.
    budget
        What there is; drawn as a line.
    """
    sentence = ""
    if len(curve):
        last = curve.iloc[-1]
        sentence = (
            f"With {FMT.money(float(last['budget']))}, {FMT.money(float(last['expected_gain']))} "
            "are expected after cost; each further unit brings less."
        )
    return charts.lines(
        curve["budget"].tolist(),
        [Series("expected gain", curve["expected_gain"].tolist())],
        caption=Caption(FMT, "What a budget brings", sentence),
        x=Axis("budget", "money"),
        y=Axis("expected gain after cost", "money"),
        mark=None if budget is None else (budget, f"budget {FMT.money(budget)}"),
    )


def _off(forecast: float, came: float) -> str:
    """Say how far a forecast was off, where that can be told."""
    if not came:
        return ""
    ratio = forecast / came - 1
    return f", {FMT.percent(abs(ratio))} too {'many' if ratio > 0 else 'few'}"


def _customers(n: int | None) -> str:
    return "" if n is None else f"{FMT.count(n)} customers"


def _rows(n: int | None) -> str:
    return "" if n is None else f"{FMT.count(n)} rows"
