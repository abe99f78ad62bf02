"""Pictures of funnels, cohorts, channels, answers and segments.

As in `patronage.plots`, each function takes a small table and gives a figure that nothing else
holds on to.
"""

from collections.abc import Sequence

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from patronage.plots import ACTUAL, FORECAST, OTHER, QUIET, Picture

# Okabe and Ito's palette, in an order that keeps neighbours apart.
PALETTE = (FORECAST, OTHER, "#009E73", "#CC79A7", "#56B4E9", "#D55E00", "#F0E442", QUIET, ACTUAL)
MANY_CELLS = 400


def funnel_steps(table: pd.DataFrame) -> Figure:
    """Draw how many units reach each step, with the share of the first.

    Parameters
    ----------
    table
        From `patronage.marketing.funnel.funnel`; the whole is drawn, group "".
    """
    whole = table[table["group"] == ""]
    figure = Picture(figsize=(7, 0.8 + 0.5 * len(whole)), layout="constrained")
    axes = figure.add_subplot()
    at = np.arange(len(whole))[::-1]
    axes.barh(at, whole["units"], color=FORECAST)
    for place, units, share in zip(at, whole["units"], whole["from_first"], strict=True):
        told = "" if np.isnan(share) else f"  {share:.1%}"
        axes.text(units, place, f" {units:,.0f}{told}", va="center", fontsize="small")
    axes.set_yticks(at, whole["step"])
    axes.set(xlabel="units whose window is over", title="Funnel: units by step, share of the first")
    axes.margins(x=0.2)
    _open(axes)
    return figure


def cohort_matrix(matrix: pd.DataFrame, what: str, *, as_share: bool = True) -> Figure:
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
    width, height = min(2 + 0.55 * matrix.shape[1], 14), min(1.4 + 0.3 * len(matrix), 12)
    figure = Picture(figsize=(width, height), layout="constrained")
    axes = figure.add_subplot()
    values = matrix.to_numpy(dtype=float)
    # Age 0 is everybody: it would take the colours of all others.
    rest = values[:, 1:] if as_share and values.shape[1] > 1 else values
    top = float(np.nanmax(rest)) if np.isfinite(rest).any() else 1.0
    image = axes.imshow(values, aspect="auto", cmap="Blues", vmin=0, vmax=top or 1.0)
    axes.set_xticks(range(matrix.shape[1]), [str(age) for age in matrix.columns])
    axes.set_yticks(range(len(matrix)), [str(cohort) for cohort in matrix.index])
    axes.set(xlabel="age", ylabel="cohort, by first order", title=what)
    if values.size <= MANY_CELLS:
        for row, column in np.argwhere(np.isfinite(values)):
            value = values[row, column]
            told = f"{value:.0%}" if as_share else f"{value:,.0f}"
            colour = "white" if value > 0.6 * top else "black"
            axes.text(column, row, told, ha="center", va="center", color=colour, fontsize="x-small")
    else:
        figure.colorbar(image, ax=axes)
    return figure


def credit_by_model(credit: pd.DataFrame, *, unit: str = "conversions") -> Figure:
    """Draw the credit of channels by each model, side by side.

    Parameters
    ----------
    credit : one row a channel
        channel, and a column a model, as `attribution_report` gives them. The 15 channels with
        the most credit are drawn.
    """
    models = [name for name in credit.columns if name != "channel"]
    most = credit.assign(total=credit[models].mean(axis=1)).nlargest(15, "total")
    figure = Picture(figsize=(max(7, 0.9 * len(most) + 2), 4.2), layout="constrained")
    axes = figure.add_subplot()
    _bars(axes, most["channel"].astype(str).tolist(), {name: most[name] for name in models})
    axes.set(ylabel=f"{unit} credited", title="Credit by model: attributed, not incremental")
    return figure


def shares_of_segments(persona: pd.DataFrame, label: str = "segment") -> Figure:
    """Draw each segment's share of customers beside its share of value.

    Parameters
    ----------
    persona : one row a segment
        The column `label`, share_of_customers and share_of_value.
    """
    figure = Picture(figsize=(max(6, 0.9 * len(persona) + 2), 4), layout="constrained")
    axes = figure.add_subplot()
    parts = {
        "of customers": persona["share_of_customers"],
        "of forecast value": persona["share_of_value"],
    }
    _bars(axes, persona[label].astype(str).tolist(), parts)
    axes.set(ylabel="share", title=f"Customers and forecast value by {label}")
    return figure


def figure_by_group(table: pd.DataFrame, metric: str) -> Figure:
    """Draw one metric by group with its interval; groups without a value are left out.

    Parameters
    ----------
    table : one row a figure
        metric, group, value, low, high, as in `patronage.marketing.figures`.
    """
    own = table[(table["metric"] == metric) & table["value"].notna()]
    figure = Picture(figsize=(7, 1.2 + 0.4 * len(own)), layout="constrained")
    axes = figure.add_subplot()
    value, low, high = (own[name].astype(float) for name in ("value", "low", "high"))
    at = np.arange(len(own))[::-1]
    reach = [(value - low).clip(lower=0).fillna(0), (high - value).clip(lower=0).fillna(0)]
    axes.barh(at, value, color=FORECAST, xerr=reach, ecolor=ACTUAL, capsize=2)
    axes.set_yticks(at, [str(group) or "all" for group in own["group"]])
    unit = str(own["unit"].iloc[0]) if len(own) and "unit" in own else ""
    axes.set(xlabel=unit, title=f"{metric.replace('_', ' ')}, 95% interval")
    _open(axes)
    return figure


def trend(table: pd.DataFrame, what: str) -> Figure:
    """Draw a figure over time with its interval.

    Parameters
    ----------
    table : one row a calendar unit
        at, value, low, high.
    """
    figure = Picture(figsize=(7, 3.6), layout="constrained")
    axes = figure.add_subplot()
    at = np.arange(len(table))
    axes.fill_between(
        at, table["low"].astype(float), table["high"].astype(float), color=FORECAST, alpha=0.2,
        label="95%",
    )  # fmt: skip
    axes.plot(at, table["value"].astype(float), color=FORECAST, marker="o", markersize=3)
    step = max(1, len(table) // 12)
    axes.set_xticks(at[::step], table["at"].astype(str).to_numpy()[::step], rotation=45, ha="right")
    axes.set(ylabel=what, title=f"{what} over time")
    _open(axes)
    return figure


def _bars(axes: Axes, names: Sequence[str], parts: dict[str, "pd.Series[float]"]) -> None:
    at, width = np.arange(len(names)), 0.8 / max(len(parts), 1)
    for number, (name, values) in enumerate(parts.items()):
        axes.bar(
            at + (number - (len(parts) - 1) / 2) * width,
            values.to_numpy(dtype=float),
            width,
            color=PALETTE[number % len(PALETTE)],
            label=name,
        )
    axes.set_xticks(at, names, rotation=30, ha="right")
    axes.legend(frameon=False, fontsize="small")
    _open(axes)


def _open(axes: Axes) -> None:
    axes.spines[["top", "right"]].set_visible(False)
