"""Pictures of customers and models, for notebooks and runs.

Each function takes a small table and gives a matplotlib figure that nothing else holds on to.
"""

import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure

# Okabe and Ito's palette: told apart by colour-blind readers, and in grey.
ACTUAL, FORECAST, OTHER, QUIET = "#000000", "#0072B2", "#E69F00", "#999999"


def cumulative_purchases(curve: pd.DataFrame, *, as_of_week: int | None = None) -> Figure:
    """Draw cumulative repeat purchases, actual and forecast, by week.

    Parameters
    ----------
    curve : one row a week
        week, actual, forecast: cumulative counts.
    as_of_week
        Where the model stopped learning.
    """
    figure = Figure(figsize=(7, 4), layout="constrained")
    draw_cumulative(figure.add_subplot(), curve, as_of_week=as_of_week)
    return figure


def value_by_decile(deciles: pd.DataFrame) -> Figure:
    """Draw mean holdout purchases by predicted decile, forecast beside actual.

    Parameters
    ----------
    deciles : one row a decile, 10 the customers with the highest forecast
        decile, predicted, actual, and actual_low and actual_high where known.
    """
    figure = Figure(figsize=(7, 4), layout="constrained")
    draw_deciles(figure.add_subplot(), deciles)
    return figure


def summary(curve: pd.DataFrame, deciles: pd.DataFrame, *, as_of_week: int | None) -> Figure:
    """Draw both beside each other: did the forecast come true, in total and by customer."""
    figure = Figure(figsize=(12, 4.5), layout="constrained")
    left, right = figure.subplots(1, 2)
    draw_cumulative(left, curve, as_of_week=as_of_week)
    draw_deciles(right, deciles)
    return figure


def draw_cumulative(axes: Axes, curve: pd.DataFrame, *, as_of_week: int | None) -> None:
    """Put the cumulative curve on axes."""
    axes.plot(curve["week"], curve["actual"], color=ACTUAL, label="actual")
    axes.plot(curve["week"], curve["forecast"], color=FORECAST, linestyle="--", label="forecast")
    if as_of_week is not None:
        axes.axvline(as_of_week, color=QUIET, linewidth=1)
        axes.annotate(
            "learnt until here ",
            (as_of_week, float(curve["actual"].max())),
            ha="right",
            va="top",
            color="#555555",
        )
    axes.set(xlabel="week", ylabel="cumulative repeat purchases", title="Forecast and what came")
    _finish(axes)


def draw_deciles(axes: Axes, deciles: pd.DataFrame) -> None:
    """Put the decile bars on axes."""
    at = deciles["decile"].to_numpy()
    axes.bar(at - 0.2, deciles["predicted"], 0.4, color=FORECAST, label="forecast")
    axes.bar(at + 0.2, deciles["actual"], 0.4, color=OTHER, label="actual")
    if {"actual_low", "actual_high"} <= set(deciles.columns):
        below = deciles["actual"] - deciles["actual_low"]
        above = deciles["actual_high"] - deciles["actual"]
        axes.errorbar(
            at + 0.2,
            deciles["actual"],
            yerr=[below.to_numpy(), above.to_numpy()],
            fmt="none",
            ecolor=ACTUAL,
            capsize=2,
        )
    axes.set_xticks(at)
    axes.set(
        xlabel="customers by forecast, 10 the highest",
        ylabel="mean purchases in the holdout",
        title="Forecast by decile",
    )
    _finish(axes)


def _finish(axes: Axes) -> None:
    axes.spines[["top", "right"]].set_visible(False)
    axes.legend(frameon=False, loc="upper left")
