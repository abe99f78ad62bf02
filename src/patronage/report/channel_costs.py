"""What a new customer costs by channel, and what the money brought back."""

from __future__ import annotations

from collections.abc import Mapping

import pandas as pd

from patronage.report.charts import Axis, Caption, Chart, Series, forest
from patronage.report.format import Unit
from patronage.report.stated import flagged, has, in_currency, interval_of, window_of
from patronage.report.words import Words

COSTS = {"cac": "acquisition", "ltv_to_cac": "economics", "romi": "acquisition"}
METRICS = {"cac": "cac", "ltv_to_cac": "ltv_to_cac", "romi": "romi_on_revenue"}
UNITS: dict[str, Unit] = {"cac": "money", "ltv_to_cac": "number", "romi": "percent"}
UNNAMED = "(missing)"
"""Group of the customers whose channel no table tells, as `marketing.kpis` writes it."""
WARNINGS = {"incomplete_period": "channels.not_over", "no_history": "channels.no_history"}
"""What a reader must know of a figure that carries a flag."""
REFERENCES = {"cac": None, "ltv_to_cac": 1.0, "romi": 0.0}


def cost_charts(figures: Mapping[str, pd.DataFrame], words: Words) -> list[Chart]:
    """Draw the costs and returns that are there."""
    found = [(key, metric_rows(figures.get("kpis"), key)) for key in COSTS]
    drawn = []
    for key, rows in found:
        if rows is None:
            continue
        told = _told(rows)
        if told["value"].notna().any():
            drawn.append(_cost(key, told, words, _left_out(rows, words)))
    return drawn


def _told(rows: pd.DataFrame) -> pd.DataFrame:
    """Leave channels out where none has a customer: -100% of each says nothing of any."""
    if "n" not in rows:
        return rows
    named = ~rows["group"].isin(["", UNNAMED])
    lost = rows.loc[rows["group"] == UNNAMED, "n"].fillna(0).sum() > 0
    return rows[~named] if lost and not rows.loc[named, "n"].fillna(0).sum() else rows


def _left_out(rows: pd.DataFrame, words: Words) -> str:
    """Say how many new customers have no channel, "" where all have one."""
    if "n" not in rows:
        return ""
    n = rows.loc[rows["group"] == UNNAMED, "n"].fillna(0).sum()
    every = rows.loc[rows["group"] == "", "n"].fillna(0).max()
    if not n or not every >= n:
        return ""
    key = words.agreeing("channels.unnamed", n)
    return words(key, n=words.fmt.count(n), all=words.fmt.count(every))


def metric_rows(kpis: pd.DataFrame | None, key: str) -> pd.DataFrame | None:
    """Rows of a metric by channel, group "" the whole; None where it was not counted."""
    if kpis is None or not has(kpis, ("room", "metric", "group", "value")):
        return None
    own = kpis[(kpis["room"] == COSTS[key]) & (kpis["metric"] == METRICS[key])]
    groups = own["group"].astype("string").fillna("").astype(object)
    return own.assign(group=groups) if len(own) else None


def whole_of(kpis: pd.DataFrame | None, key: str) -> pd.Series[float] | None:
    """Give the row of a metric over all channels; None where it has no value."""
    rows = metric_rows(kpis, key)
    whole = None if rows is None else rows[(rows["group"] == "") & rows["value"].notna()]
    return None if whole is None or whole.empty else whole.iloc[0]


def _sentence(key: str, rows: pd.DataFrame, words: Words) -> str:
    unit, by_channel = UNITS[key], rows[rows["group"] != ""]
    if by_channel["value"].nunique() < 2:  # noqa: PLR2004 - nothing to compare
        told = words(f"channels.{key}.one", value=_shown(words, rows["value"].iloc[0], unit))
    else:
        values = by_channel["value"].to_numpy(float)
        low, high = by_channel.iloc[int(values.argmin())], by_channel.iloc[int(values.argmax())]
        low_name, high_name = (words.label("channel", each["group"]) for each in (low, high))
        told = words(
            f"channels.{key}.sentence",
            low_channel=low_name if key == "romi" else _capital(low_name),
            low=_shown(words, low["value"], unit),
            high_channel=high_name if key == "cac" else _capital(high_name),
            high=_shown(words, high["value"], unit),
        )
    more = [words(key) for flag, key in WARNINGS.items() if flagged(rows, flag).any()]
    return words("between_sentences").join([told, *more])


def _cost(key: str, rows: pd.DataFrame, words: Words, left_out: str) -> Chart:
    rows = rows[rows["value"].notna()].reset_index(drop=True)
    words = in_currency(rows, words)
    fmt, unit, title = words.fmt, UNITS[key], words(f"channels.{key}.title")
    names = [
        words("channels.all") if group == "" else words.label("channel", group)
        for group in rows["group"]
    ]
    low, high, n = (rows[name].tolist() if name in rows else None for name in ("low", "high", "n"))
    return forest(
        names,
        Series(title, rows["value"].tolist(), low, high, n),
        caption=Caption(
            fmt,
            title,
            words("between_sentences").join(filter(None, [_sentence(key, rows, words), left_out])),
            _counted(rows, words),
            window_of(rows, words),
            interval_of(rows, words),
            key=key,
        ),
        value=Axis(title, unit),
        label=words("channel"),
        reference=REFERENCES[key],
    )


def _counted(rows: pd.DataFrame, words: Words) -> str:
    """Say how many customers there are in all, and by channel from how many to how many."""
    if "n" not in rows or rows["n"].isna().all():
        return words("no_n")
    whole, each = rows.loc[rows["group"] == "", "n"], rows.loc[rows["group"] != "", "n"]
    customers = words.counted("customers", int(whole.max() if len(whole) else each.sum()))
    if each.empty:
        return customers
    low, high = (words.fmt.count(int(end)) for end in (each.min(), each.max()))
    return words("channels.cost.n", customers=customers, low=low, high=high)


def _shown(words: Words, value: float, unit: Unit) -> str:
    if unit == "money":
        return words.fmt.money(value)
    return words.fmt.percent(value, 0) if unit == "percent" else words.fmt.number(value)


def _capital(text: str) -> str:
    return text[:1].upper() + text[1:]
