"""Pictures of funnels, cohorts, channels, answers and segments; see `patronage.plots`."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pandas as pd

from patronage.report import charts
from patronage.report.charts import FORECAST, MEASURED, Axis, Caption, Chart, Series
from patronage.report.format import Unit, english

FMT = english()
INTERVAL = "95% interval"
UNITS: dict[str, Unit] = {"share": "percent", "count": "count", "currency": "money"}
"""How the units of `patronage.marketing.figures` are written; all others are plain numbers."""

MOST_CHANNELS = 15
FIGURE = ("value", "low", "high")


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
    if most[models].notna().any(axis=None):
        given = most.set_index("channel")[models].dropna(axis=1, how="all")
        firsts = given.idxmax().value_counts()
        often, first = f"{firsts.iloc[0]} of {len(given.columns)}", firsts.index[0]
        sentence = f"{first} has the most credit in {often} models."
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
        [measured(metric.replace("_", " "), own)],
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
        [measured(what, table)],
        caption=Caption(FMT, f"{what} over time", sentence, interval=INTERVAL),
        x=Axis(""),
        y=Axis(what, unit),
    )


def moves(table: pd.DataFrame, *, sides: tuple[str, str] = ("before", "after")) -> Chart:
    """Draw how many customers went from which segment, tier or stage to which.

    Parameters
    ----------
    table : one row a move
        before, after, customers, as `patronage.segments.migration.migration` gives them.
    sides
        What the two columns are, such as two dates.
    """
    total = float(table["customers"].sum())
    stayed = float(table.loc[table["before"] == table["after"], "customers"].sum())
    sentence = (
        f"{FMT.percent(stayed / total)} of the customers stayed where they were." if total else ""
    )
    rows = table[["before", "after", "customers"]].itertuples(index=False, name=None)
    return charts.flows(
        list(rows),
        caption=Caption(FMT, "Who moved where", sentence, f"{FMT.count(total)} customers"),
        sides=sides,
        value=Axis("customers", "count"),
        order=list(dict.fromkeys(table["before"])),
    )


def measured(name: str, table: pd.DataFrame, columns: Sequence[str] = FIGURE) -> Series:
    """Make a series of a value with its interval, and n where there is one."""
    value, low, high = (table[column].tolist() for column in columns)
    return Series(
        name, value, low, high, n=table["n"].tolist() if "n" in table else None, ink=MEASURED
    )


def _only(table: pd.DataFrame, column: str) -> str:
    """Give the one text of a column, "" where there are none or several."""
    texts = set(table[column].dropna().astype(str)) if column in table else set()
    return texts.pop() if len(texts) == 1 else ""


def _capital(words: str) -> str:
    return words[:1].upper() + words[1:]
