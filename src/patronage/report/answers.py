"""What customers said of us, over time: net promoter score and satisfaction."""

from __future__ import annotations

from collections.abc import Mapping

import pandas as pd

from patronage.report.charts import Axis, Caption, Chart, Series, lines
from patronage.report.format import Unit
from patronage.report.stated import flagged, has, interval_of, window_of
from patronage.report.words import Words

SCALES: dict[str, Unit] = {"nps": "number", "csat": "percent"}
"""NPS is told in points from -100 to 100, CSAT as a share."""


def answer_charts(figures: Mapping[str, pd.DataFrame], words: Words) -> list[Chart]:
    """Draw the trends that are there."""
    charts = []
    for name in SCALES:
        table = figures.get(f"{name}_trend")
        if table is not None and has(table, ("at", "value", "low", "high", "n")):
            known = table[table["value"].notna()].reset_index(drop=True)
            if len(known):
                charts.append(_trend(name, known, words))
    return charts


def _trend(name: str, table: pd.DataFrame, words: Words) -> Chart:
    cut = flagged(table, "incomplete_period")
    periods = [
        words("not_over", period=words.fmt.period(str(at))) if open_ else words.fmt.period(str(at))
        for at, open_ in zip(table["at"], cut, strict=True)
    ]
    return lines(
        periods,
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
            words.fmt,
            words(f"channels.{name}.title"),
            _sentence(name, table[~cut], words),
            words.counted("channels.answers", int(table["n"].sum())),
            window_of(table, words),
            interval_of(table, words),
            key=name,
        ),
        x=Axis(words("channels.period")),
        y=Axis(words(f"channels.{name}.title"), SCALES[name]),
    )


def _sentence(name: str, full: pd.DataFrame, words: Words) -> str:
    """Tell the latest period that is over: what a day cuts off says little yet."""
    if full.empty:
        return words("channels.answers.none_full")
    last, fmt = full.iloc[-1], words.fmt
    value, low, high = (
        fmt.percent(last[end], 0) if SCALES[name] == "percent" else fmt.number(last[end], 0)
        for end in ("value", "low", "high")
    )
    period = fmt.period(str(last["at"]))
    return words(f"channels.{name}.sentence", period=period, value=value, low=low, high=high)
