"""Pictures of customers and models, for notebooks and runs.

Each function takes a small table and gives a matplotlib figure that nothing else holds on to.
"""

from io import BytesIO
from typing import Literal

import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure

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


def _finish(axes: Axes, legend: Literal["upper left", "upper right"]) -> None:
    axes.spines[["top", "right"]].set_visible(False)
    axes.legend(frameon=False, loc=legend)
