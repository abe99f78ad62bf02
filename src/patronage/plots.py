"""Pictures of customers and models, for notebooks and runs.

Each function takes a small table and gives a `Chart`: static SVG that shows itself in a
notebook, with the sentence that says what it shows, the table behind it and `save`. Customers
and models first, then funnels, cohorts, channels, answers and segments.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from patronage.report import charts
from patronage.report.charts import FORECAST, MEASURED, Axis, Caption, Chart, Series
from patronage.report.format import Unit, english

if TYPE_CHECKING:
    from matplotlib.figure import Figure

FMT = english()
INTERVAL = "95% interval"
UNITS: dict[str, Unit] = {"share": "percent", "count": "count", "currency": "money"}
"""How the units of `patronage.marketing.figures` are written; all others are plain numbers."""

MOST_CHANNELS = 15
FIGURE = ("value", "low", "high")


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
    came = _series("came", deciles, [f"actual_{part}" for part in ("mean", "low", "high")])
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
    shares = [0.0, *reached["share"].tolist()]
    return charts.lines(
        shares,
        [
            Series("by the model", [0.0, *reached["capture"].tolist()], ink=MEASURED),
            Series("at random", shares, ink=7),
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
    within = int(curve["forecast"].between(curve["low"], curve["high"]).sum())
    sentence = (
        f"In {within} of {len(curve)} groups the forecast lies within the interval of what came."
        if len(curve)
        else ""
    )
    return charts.reliability(
        curve["forecast"].tolist(),
        _series("what came", curve, ["observed", "low", "high"]),
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


def funnel_steps(table: pd.DataFrame) -> Chart:
    """Draw how many units reach each step, with the share of the first.

    Parameters
    ----------
    table
        From `patronage.marketing.funnel.funnel`; the whole is drawn, group "".
    """
    whole = table[table["group"] == ""]
    sentence = ""
    if len(whole):
        first, last = whole.iloc[0], whole.iloc[-1]
        share = FMT.percent(last["from_first"])
        sentence = (
            f"Of {FMT.count(first['units'])} at {first['step']}, {FMT.count(last['units'])} "
            f"reach {last['step']} ({share})."
        )
    return charts.funnel(
        whole["step"].tolist(),
        whole["units"].tolist(),
        caption=Caption(
            FMT, "Units by step, share of the first", sentence, "units whose window is over"
        ),
        label="step",
        value="units",
        share="share of the first",
    )


def cohort_matrix(matrix: pd.DataFrame, what: str, *, as_share: bool = True) -> Chart:
    """Draw cohorts by age; what is not over stays white.

    Parameters
    ----------
    matrix
        From `patronage.marketing.cohorts.matrix`.
    what
        What a cell holds.
    as_share
        Whether cells are shares, written in percent.
    """
    unit: Unit = "percent" if as_share else "number"
    sentence = ""
    if matrix.shape[1] > 1 and matrix.iloc[:, 1].notna().any():
        seen = matrix.iloc[:, 1].dropna()
        sentence = (
            f"At age {matrix.columns[1]}, the middle one of {len(seen)} cohorts stands at "
            f"{FMT.show(float(seen.median()), unit)}."
        )
    return charts.heat(
        matrix.index.tolist(),
        matrix.columns.tolist(),
        matrix.to_numpy(dtype=float, na_value=np.nan).tolist(),
        caption=Caption(FMT, _capital(what), sentence),
        labels=("cohort", "age"),
        unit=unit,
    )


def credit_by_model(credit: pd.DataFrame, *, unit: str = "conversions") -> Chart:
    """Draw the credit of channels by each model, side by side.

    Parameters
    ----------
    credit : one row a channel
        channel, and a column a model, as `attribution_report` gives them. The 15 channels with
        the most credit are drawn.
    """
    models = [name for name in credit.columns if name != "channel"]
    most = credit.assign(total=credit[models].mean(axis=1)).nlargest(MOST_CHANNELS, "total")
    sentence = ""
    if len(most) and models:
        firsts = most.set_index("channel")[models].idxmax().value_counts()
        sentence = (
            f"{firsts.index[0]} has the most credit in {firsts.iloc[0]} of {len(models)} models."
        )
    return charts.bars(
        most["channel"].tolist(),
        [Series(str(name), most[name].tolist()) for name in models],
        caption=Caption(FMT, "Credit by model: attributed, not incremental", sentence),
        value=Axis(f"{unit} credited"),
        label="channel",
    )


def shares_of_segments(persona: pd.DataFrame, label: str = "segment") -> Chart:
    """Draw each segment's share of customers beside its share of value.

    Parameters
    ----------
    persona : one row a segment
        The column `label`, share_of_customers and share_of_value.
    """
    sentence = ""
    if len(persona) and persona["share_of_value"].notna().any():
        best = persona.nlargest(1, "share_of_value").iloc[0]
        held, of = (
            FMT.brief(best[f"share_of_{part}"], "percent") for part in ("value", "customers")
        )
        sentence = f"{best[label]}: {of} of the customers hold {held} of the forecast value."
    return charts.bars(
        persona[label].tolist(),
        [
            Series("of customers", persona["share_of_customers"].tolist(), ink=MEASURED),
            Series("of forecast value", persona["share_of_value"].tolist(), ink=FORECAST),
        ],
        caption=Caption(FMT, f"Customers and forecast value by {label}", sentence),
        value=Axis("share", "percent"),
        label=label,
    )


def figure_by_group(table: pd.DataFrame, metric: str) -> Chart:
    """Draw one metric by group with its interval; groups without a value are left out.

    Parameters
    ----------
    table : one row a figure
        metric, group, value, low, high, as in `patronage.marketing.figures`.
    """
    own = table[(table["metric"] == metric) & table["value"].notna()]
    unit = _only(own, "unit")
    written, names = UNITS.get(unit, "number"), [str(group) or "all" for group in own["group"]]
    sentence = ""
    if len(own) > 1:
        values = own["value"].astype(float).to_numpy()
        top, low = int(values.argmax()), int(values.argmin())
        sentence = (
            f"Highest for {names[top]} ({FMT.show(values[top], written)}), lowest for {names[low]} "
            f"({FMT.show(values[low], written)})."
        )
    return charts.bars(
        names,
        [_series(metric.replace("_", " "), own)],
        caption=Caption(
            FMT, _capital(metric.replace("_", " ")), sentence, window=_only(own, "window"),
            interval=INTERVAL,
        ),
        value=Axis("" if unit == "share" else unit, written),
        label="group",
        horizontal=True,
    )  # fmt: skip


def trend(table: pd.DataFrame, what: str) -> Chart:
    """Draw a figure over time with its interval.

    Parameters
    ----------
    table : one row a calendar unit
        at, value, low, high.
    """
    unit = UNITS.get(_only(table, "unit"), "number")
    seen = table[table["value"].notna()]
    sentence = ""
    if len(seen) > 1:
        first, last = seen.iloc[0], seen.iloc[-1]
        sentence = (
            f"{what} went from {FMT.show(float(first['value']), unit)} in {first['at']} to "
            f"{FMT.show(float(last['value']), unit)} in {last['at']}."
        )
    return charts.lines(
        table["at"].astype(str).tolist(),
        [_series(what, table)],
        caption=Caption(FMT, f"{what} over time", sentence, interval=INTERVAL),
        x=Axis(""),
        y=Axis(what, unit),
    )


def _series(name: str, table: pd.DataFrame, columns: Sequence[str] = FIGURE) -> Series:
    """Take a value with its interval, and n where there is one, from a table."""
    value, low, high = (table[column].tolist() for column in columns)
    return Series(
        name, value, low, high, n=table["n"].tolist() if "n" in table else None, ink=MEASURED
    )


def _only(table: pd.DataFrame, column: str) -> str:
    """Give the one text of a column, "" where there are none or several."""
    texts = set(table[column].dropna().astype(str)) if column in table else set()
    return texts.pop() if len(texts) == 1 else ""


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


def _capital(words: str) -> str:
    return words[:1].upper() + words[1:]
