"""Pictures of customers and models, for notebooks and runs.

Each function takes a small table and gives a matplotlib figure that nothing else holds on to.
"""

from io import BytesIO
from typing import Literal

import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure

Place = Literal["upper left", "upper right", "lower left", "lower right"]

# Okabe and Ito's palette: told apart by colour-blind readers, and in grey.
ACTUAL, FORECAST, OTHER, QUIET = "#000000", "#0072B2", "#E69F00", "#999999"


class Picture(Figure):
    """A figure that shows itself in a notebook, whatever the backend."""

    def _repr_png_(self) -> bytes:
        buffer = BytesIO()
        self.savefig(buffer, format="png", dpi=100)
        return buffer.getvalue()


def cumulative_purchases(curve: pd.DataFrame) -> Figure:
    """Draw cumulative repeat purchases, actual and forecast, by week.

    Parameters
    ----------
    curve : one row a week
        week (0 ends on the last day that the model learnt from), actual, forecast.
    """
    figure = Picture(figsize=(7, 4), layout="constrained")
    _draw_cumulative(figure.add_subplot(), curve)
    return figure


def by_decile(deciles: pd.DataFrame, what: str) -> Figure:
    """Draw the holdout's mean by predicted decile, forecast beside actual.

    Parameters
    ----------
    deciles : index decile, 1 the highest forecast
        predicted_mean, actual_mean, actual_low, actual_high, as `decile_table` gives them.
    what
        What is counted, such as purchases or spend.
    """
    figure = Picture(figsize=(7, 4), layout="constrained")
    _draw_deciles(figure.add_subplot(), deciles, what)
    return figure


def summary(curve: pd.DataFrame, value_deciles: pd.DataFrame) -> Figure:
    """Draw whether the forecast came true, in total and, by value, for groups of customers."""
    figure = Picture(figsize=(12, 4.5), layout="constrained")
    left, right = figure.subplots(1, 2)
    _draw_cumulative(left, curve)
    _draw_deciles(right, value_deciles, "spend")
    return figure


def captured(reached: pd.DataFrame) -> Figure:
    """Draw the part of all positives that the top of a ranking holds.

    Parameters
    ----------
    reached : one row a share
        share, capture, as `lift_table` gives them.
    """
    figure = Figure(figsize=(6, 4.5), layout="constrained")
    axes = figure.add_subplot()
    shares = [0.0, *reached["share"]]
    axes.plot(shares, [0.0, *reached["capture"]], color=FORECAST, label="by the model")
    axes.plot([0, 1], [0, 1], color=QUIET, linewidth=1, label="at random")
    axes.set(
        xlabel="share contacted, highest chance first",
        ylabel="share of the outcomes among them",
        title="What the top of the list holds",
    )
    _finish(axes, "lower right")
    return figure


def reliability(curve: pd.DataFrame) -> Figure:
    """Draw the observed rate by forecast.

    Parameters
    ----------
    curve : one row a bin
        forecast, observed, low, high, as `reliability_curve` gives them.
    """
    figure = Figure(figsize=(5, 5), layout="constrained")
    axes = figure.add_subplot()
    top = min(1.0, 1.05 * float(curve[["forecast", "high"]].max().max()))
    axes.plot([0, top], [0, top], color=QUIET, linewidth=1, label="as forecast")
    reach = [curve["observed"] - curve["low"], curve["high"] - curve["observed"]]
    axes.errorbar(
        curve["forecast"],
        curve["observed"],
        yerr=[part.clip(lower=0) for part in reach],
        fmt="o",
        capsize=2,
        color=FORECAST,
        ecolor=ACTUAL,
        label="what came, 95%",
    )
    axes.set(xlabel="forecast chance", ylabel="observed rate", title="Do the chances come true?")
    _finish(axes, "upper left")
    return figure


def profit(curve: pd.DataFrame) -> Figure:
    """Draw the profit of an offer by the share of the list that gets it.

    Parameters
    ----------
    curve
        share, profit (currency units a row), as `profit_curve` gives them.
    """
    figure = Figure(figsize=(6, 4.5), layout="constrained")
    axes = figure.add_subplot()
    axes.plot(curve["share"], curve["profit"], color=FORECAST, label="profit a row")
    axes.axhline(0, color=QUIET, linewidth=1)
    axes.set(
        xlabel="share contacted, highest chance first",
        ylabel="profit a row of the list, currency units",
        title="How far down the list an offer pays",
    )
    _finish(axes, "lower left")
    return figure


def importance(table: pd.DataFrame) -> Figure:
    """Draw what a model leans on.

    Parameters
    ----------
    table : the most important first
        meaning, importance (a share).
    """
    figure = Figure(figsize=(7, 0.6 + 0.3 * len(table)), layout="constrained")
    axes = figure.add_subplot()
    places = range(len(table))
    axes.barh(places, table["importance"], color=FORECAST)
    axes.set_yticks(places, [str(meaning)[:60] for meaning in table["meaning"]])
    axes.invert_yaxis()
    axes.set(xlabel="share of what the model gained", title="What the model leans on")
    axes.spines[["top", "right"]].set_visible(False)
    return figure


def _draw_cumulative(axes: Axes, curve: pd.DataFrame) -> None:
    axes.plot(curve["week"], curve["actual"], color=ACTUAL, label="actual")
    axes.plot(curve["week"], curve["forecast"], color=FORECAST, linestyle="--", label="forecast")
    axes.axvline(0, color=QUIET, linewidth=1)
    axes.text(
        0.02,
        0.55,
        "model learns from\nweeks up to 0",
        transform=axes.transAxes,
        color="#555555",
        fontsize="small",
    )
    axes.set(
        xlabel="week",
        ylabel="cumulative repeat purchases",
        title="All customers: forecast and what came",
    )
    _finish(axes, "upper left")


def _draw_deciles(axes: Axes, deciles: pd.DataFrame, what: str) -> None:
    at = deciles.index.to_numpy()
    actual = deciles["actual_mean"]
    reach = [
        (actual - deciles["actual_low"]).fillna(0),
        (deciles["actual_high"] - actual).fillna(0),
    ]
    axes.bar(at - 0.2, deciles["predicted_mean"], 0.4, color=FORECAST, label="forecast")
    axes.bar(
        at + 0.2,
        actual,
        0.4,
        yerr=reach,
        capsize=2,
        ecolor=ACTUAL,
        color=OTHER,
        label="actual, 95%",
    )
    axes.set_xticks(at)
    axes.set(
        xlabel="tenth of customers by forecast, 1 the highest",
        ylabel=f"mean {what} a customer in the holdout",
        title="Groups of customers: forecast and what came",
    )
    _finish(axes, "upper right")


def _finish(axes: Axes, legend: Place) -> None:
    axes.spines[["top", "right"]].set_visible(False)
    axes.legend(frameon=False, loc=legend)
