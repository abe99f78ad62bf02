"""Question 4: which channels bring value, what they cost, how far people get, who comes back."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import NamedTuple

import pandas as pd

from patronage.report.answers import answer_charts
from patronage.report.channel_costs import cost_charts, whole_of
from patronage.report.charts import Axis, Caption, Cells, Chart, Series, forest, funnel, heat
from patronage.report.cohort_charts import cohort_charts
from patronage.report.material import Material
from patronage.report.sections import Section
from patronage.report.stated import has, in_currency, interval_of, window_of
from patronage.report.words import Words

TRUSTED = ("markov", "shapley", "time_decay", "linear", "last")
"""Whose credit the page speaks of, the first that was computed."""
NEEDED = {
    "channels": ("credit",),
    "kpis": ("kpis",),
    "funnel": ("funnel",),
    "cohorts": ("retention_matrix",),
    "satisfaction": ("nps_trend", "csat_trend"),
}
LEVEL = 0.9
"""Of the intervals of credit where a table does not state it: tables before it did."""


def channels_section(material: Material, words: Words) -> Section | None:
    """Answer the question from the tables of the commands that count; None without any."""
    figures = {name: table for name, table in material.figures.items() if len(table)}
    absent = tuple(
        key for key, names in NEEDED.items() if not any(name in figures for name in names)
    )
    charts = [
        *_credit(figures, words),
        *cost_charts(figures, words),
        _funnel(figures.get("funnel"), words),
        *cohort_charts(figures, words),
        *answer_charts(figures, words),
    ]
    shown = tuple(chart for chart in charts if chart is not None)
    if not shown:
        return None
    notes = (words("channels.basis"),) if "credit" in figures else ()
    return Section(
        "channels",
        words("channels.title"),
        words("between_sentences").join(_answer(figures, words)),
        charts=shown,
        notes=notes,
        absent=absent,
    )


def _answer(figures: Mapping[str, pd.DataFrame], words: Words) -> list[str]:
    told, fmt = [], words.fmt
    leader = leading_channel(figures, words)
    if leader is not None:
        fields = {"model": _capital(leader.model), "channel": leader.channel}
        told.append(words("channels.answer", share=fmt.percent(leader.share, 0), **fields))
    for metric, key in (("cac", "channels.answer.cac"), ("ltv_to_cac", "channels.answer.ltv")):
        whole = whole_of(figures.get("kpis"), metric)
        if whole is not None:
            value = float(whole["value"])
            money = in_currency(figures["kpis"], words).fmt.money(value)
            field = {"cac": money} if metric == "cac" else {"ratio": fmt.number(value)}
            told.append(words(key, **field))
    return told or [words("channels.answer.more")]


class Leader(NamedTuple):
    """The channel with the largest share of the credit.

    Attributes
    ----------
    channel, model
        In the reader's language.
    share, low, high
        NaN ends where the share has no interval.
    interval
        Its name.
    next
        Of the channels whose interval reaches the leader's the first, "" where it leads clearly.
    """

    channel: str
    model: str
    share: float
    low: float
    high: float
    interval: str
    next: str


def leading_channel(figures: Mapping[str, pd.DataFrame], words: Words) -> Leader | None:
    """Say which channel has most credit, and how sure that is; None without credit."""
    shares = _shares(figures)
    if shares is None or shares.empty:
        return None
    model = _model(shares)
    named = words.label("model", model)
    own = _reach(figures.get("intervals"), model)
    if own is None:
        best = int(shares[model].fillna(0.0).to_numpy().argmax())
        channel = words.label("channel", shares["channel"].iloc[best])
        share = float(shares[model].iloc[best])
        return Leader(channel, named, share, math.nan, math.nan, "", "")
    first, rest = own.iloc[0], own.iloc[1:]
    reached = rest.loc[rest["high"] > first["low"], "channel"]
    return Leader(
        words.label("channel", first["channel"]), named,
        float(first["share"]), float(first["low"]), float(first["high"]),
        interval_of(figures["intervals"], words, LEVEL),
        words.label("channel", reached.iloc[0]) if len(reached) else "",
    )  # fmt: skip


def _reach(table: pd.DataFrame | None, model: str) -> pd.DataFrame | None:
    """Give channel, share, low, high of a model's credit, the largest first."""
    if table is None or not has(table, ("model", "channel", "credit", "credit_low", "credit_high")):
        return None
    own = table[table["model"] == model].sort_values("credit", ascending=False, kind="stable")
    total = float(own["credit"].sum())
    if not total:
        return None
    ends = {"share": "credit", "low": "credit_low", "high": "credit_high"}
    return own[["channel"]].assign(**{name: own[column] / total for name, column in ends.items()})


def _shares(figures: Mapping[str, pd.DataFrame]) -> pd.DataFrame | None:
    """Share of the credit by channel and model."""
    credit = figures.get("credit")
    if credit is None or "channel" not in credit:
        return None
    models = [name for name in credit if name != "channel"]
    shares = credit.copy()
    for name in models:
        total = float(shares[name].sum())
        shares[name] = shares[name] / total if total else math.nan
    return shares if models else None


def _model(shares: pd.DataFrame) -> str:
    models = [str(name) for name in shares if name != "channel"]
    return next((name for name in TRUSTED if name in models), models[-1])


def _credit(figures: Mapping[str, pd.DataFrame], words: Words) -> list[Chart]:
    shares = _shares(figures)
    if shares is None:
        return []
    model, fmt = _model(shares), words.fmt
    shares = shares.sort_values([model, "channel"], ascending=[False, True], kind="stable")
    models = [str(name) for name in shares if name != "channel"]
    names = [words.label("channel", channel) for channel in shares["channel"]]
    conversions = words.counted(
        "channels.conversions", round(float(figures["credit"][model].sum()))
    )
    first = shares.iloc[0][models].astype(float)
    table = figures.get("intervals")
    low, high = _ends(table, shares["channel"], models)
    side_by_side = heat(
        names,
        [_capital(words.label("model", name)) for name in models],
        Cells(shares[models].to_numpy(float).tolist(), low, high),
        caption=Caption(
            fmt,
            words("channels.credit.title"),
            words(
                "channels.credit.sentence",
                channel=_capital(names[0]),
                low=fmt.percent(first.min(), 0),
                high=fmt.percent(first.max(), 0),
            ),
            conversions,
            _window(figures, words),
            "" if low is None else interval_of(table, words, LEVEL),
            words("channels.credit.bare"),
            key="credit",
        ),
        labels=(words("channel"), words("model")),
        unit="percent",
    )
    sure = _certainty(figures, model, conversions, words)
    return [side_by_side] if sure is None else [side_by_side, sure]


def _ends(
    table: pd.DataFrame | None, channels: pd.Series[str], models: list[str]
) -> tuple[list[list[float]], list[list[float]]] | tuple[None, None]:
    """Lay ends of intervals out as the table of shares; None where there are none."""
    reached = {model: _reach(table, model) for model in models}
    known = {
        (model, channel): (low, high)
        for model, own in reached.items()
        if own is not None
        for channel, low, high in zip(own["channel"], own["low"], own["high"], strict=True)
    }
    if not known:
        return None, None
    cells = [[known.get((model, name), (math.nan, math.nan)) for model in models]
             for name in channels]  # fmt: skip
    return [[low for low, _ in row] for row in cells], [[high for _, high in row] for row in cells]


def _window(figures: Mapping[str, pd.DataFrame], words: Words) -> str:
    """Name the days in which what is credited came, and how far back contacts count."""
    table = next((figures[name] for name in ("intervals", "models") if name in figures), None)
    told = window_of(table, words)
    days = None if table is None or "window_days" not in table else table["window_days"].dropna()
    if days is None or days.empty:
        return told
    return words("channels.lookback", window=told, days=words.fmt.count(days.iloc[0]))


def _certainty(
    figures: Mapping[str, pd.DataFrame], model: str, n: str, words: Words
) -> Chart | None:
    own, leader = _reach(figures.get("intervals"), model), leading_channel(figures, words)
    if own is None or leader is None:
        return None
    fmt = words.fmt
    fields = {"channel": _capital(leader.channel), "share": fmt.percent(leader.share, 0)}
    ends = {"low": fmt.percent(leader.low, 0), "high": fmt.percent(leader.high, 0)}
    sentence = (
        words("channels.forest.unsure", next=leader.next, **fields)
        if leader.next
        else words("channels.forest.sentence", **fields, **ends)
    )
    return forest(
        [words.label("channel", channel) for channel in own["channel"]],
        Series(
            words("channels.share"),
            own["share"].tolist(),
            own["low"].tolist(),
            own["high"].tolist(),
        ),
        caption=Caption(
            fmt,
            words("channels.forest.title", model=leader.model),
            sentence,
            n,
            _window(figures, words),
            leader.interval,
            key="credit-sure",
        ),
        value=Axis(words("channels.share"), "percent"),
        label=words("channel"),
    )


def _funnel(table: pd.DataFrame | None, words: Words) -> Chart | None:
    if table is None or not {"step", "units", "lost"} <= set(table):
        return None
    if "group" in table:
        table = table[table["group"].astype("string").fillna("") == ""]
    if len(table) < 2 or not table["units"].iloc[0] > 0:  # noqa: PLR2004 - two steps
        return None
    fmt, steps = words.fmt, [words.label("step", step) for step in table["step"]]
    most_lost = int(table["lost"].iloc[1:].to_numpy().argmax()) + 1
    days = table["window_days"].iloc[0] if "window_days" in table else None
    entered = fmt.count(int(table["units"].iloc[0]))
    within = "" if days is None else words("channels.funnel.window", days=fmt.count(days))
    days_of = window_of(table, words)
    sure = has(table, ("from_first", "from_first_low", "from_first_high"))
    share = words("channels.funnel.share")
    return funnel(
        steps,
        table["units"].tolist(),
        caption=Caption(
            fmt,
            words("channels.funnel.title"),
            words(
                "channels.funnel.sentence",
                share=fmt.percent(table["units"].iloc[-1] / table["units"].iloc[0]),
                last=steps[-1],
                lost=steps[most_lost],
            ),
            words("channels.entered", n=entered),
            words("comma").join(part for part in (days_of, within) if part),
            interval_of(table, words) if sure else "",
            words("counted"),
            key="funnel",
        ),
        label=words("channels.funnel.step"),
        value=words("channels.funnel.units"),
        share=_stated(share, table) if sure else share,
    )


def _stated(name: str, table: pd.DataFrame) -> Series:
    """Make a series of shares of the first step as the table states them."""
    share, low, high = (table[f"from_first{end}"].tolist() for end in ("", "_low", "_high"))
    return Series(name, share, low, high)


def _capital(text: str) -> str:
    return text[:1].upper() + text[1:]
