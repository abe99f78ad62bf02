"""What customers said of us, over time: net promoter score and satisfaction."""

from __future__ import annotations

from collections.abc import Mapping

import pandas as pd

from patronage.report.charts import Axis, Caption, Chart, Series, lines
from patronage.report.format import Unit
from patronage.report.words import Words

SCALES: dict[str, Unit] = {"nps": "number", "csat": "percent"}
"""NPS is told in points from -100 to 100, CSAT as a share."""


def answer_charts(figures: Mapping[str, pd.DataFrame], words: Words) -> list[Chart]:
    """Draw the trends that are there."""
    charts = []
    for name in SCALES:
        table = figures.get(f"{name}_trend")
        if table is not None and {"at", "value", "low", "high", "n"} <= set(table):
            known = table[table["value"].notna()]
            if len(known):
                charts.append(_trend(name, known, words))
    return charts


def _trend(name: str, table: pd.DataFrame, words: Words) -> Chart:
    fmt, last = words.fmt, table.iloc[-1]

    def shown(value: float) -> str:
        return fmt.percent(value, 0) if SCALES[name] == "percent" else fmt.number(value, 0)

    return lines(
        [fmt.period(str(at)) for at in table["at"]],
        [
            Series(
                words(f"channels.{name}.title"),
                table["value"].tolist(),
                table["low"].tolist(),
                table["high"].tolist(),
                table["n"].tolist(),
            )
        ],
        caption=Caption(
            fmt,
            words(f"channels.{name}.title"),
            words(
                f"channels.{name}.sentence",
                value=shown(last["value"]),
                low=shown(last["low"]),
                high=shown(last["high"]),
            ),
            words("channels.answers", n=fmt.count(table["n"].sum())),
            interval=words("interval95"),
            key=name,
        ),
        x=Axis(words("channels.period")),
        y=Axis(words(f"channels.{name}.title"), SCALES[name]),
    )
