"""Question 4: which channels bring value, what they cost, how far people get, who comes back."""

from __future__ import annotations

import math
from collections.abc import Mapping

import pandas as pd

from patronage.report.answers import answer_charts
from patronage.report.charts import Axis, Caption, Chart, Series, forest, funnel, heat
from patronage.report.format import Unit
from patronage.report.material import Material
from patronage.report.sections import Section
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
COSTS = {"cac": "acquisition", "ltv_to_cac": "economics", "romi": "acquisition"}
METRICS = {"cac": "cac", "ltv_to_cac": "ltv_to_cac", "romi": "romi_on_revenue"}
UNITS: dict[str, Unit] = {"cac": "money", "ltv_to_cac": "number", "romi": "percent"}
REFERENCES = {"cac": None, "ltv_to_cac": 1.0, "romi": 0.0}
OLDEST_COHORTS, MOST_AGES = 18, 13


def channels_section(material: Material, words: Words) -> Section | None:
    """Answer the question from the tables of the commands that count; None without any."""
    figures = {name: table for name, table in material.figures.items() if len(table)}
    absent = tuple(
        key for key, names in NEEDED.items() if not any(name in figures for name in names)
    )
    charts = [
        *_credit(figures, words),
        *_costs(figures, words),
        _funnel(figures.get("funnel"), words),
        _cohorts(figures, words),
        _revenue(figures, words),
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
    shares = _shares(figures)
    if shares is not None and len(shares):
        model = _model(shares)
        best = int(shares[model].to_numpy().argmax())
        told.append(
            words(
                "channels.answer",
                model=_capital(words.label("model", model)),
                channel=words.label("channel", shares["channel"].iloc[best]),
                share=fmt.percent(shares[model].iloc[best], 0),
            )
        )
    kpis = figures.get("kpis")
    for metric, key in (("cac", "channels.answer.cac"), ("ltv_to_cac", "channels.answer.ltv")):
        found = None if kpis is None else _metric(kpis, metric)
        whole = None if found is None else found[found["group"] == ""]
        if whole is not None and len(whole) and pd.notna(whole["value"].iloc[0]):
            value = float(whole["value"].iloc[0])
            field = {"cac": fmt.money(value)} if metric == "cac" else {"ratio": fmt.number(value)}
            told.append(words(key, **field))
    return told or [words("channels.answer.more")]


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
    conversions = float(figures["credit"][model].sum())
    first = shares.iloc[0][models].astype(float)
    side_by_side = heat(
        names,
        [_capital(words.label("model", name)) for name in models],
        shares[models].to_numpy(float).tolist(),
        caption=Caption(
            fmt,
            words("channels.credit.title"),
            words(
                "channels.credit.sentence",
                channel=_capital(names[0]),
                low=fmt.percent(first.min(), 0),
                high=fmt.percent(first.max(), 0),
            ),
            words("channels.conversions", n=fmt.count(conversions)),
            key="credit",
        ),
        labels=(words("channel"), words("model")),
        unit="percent",
    )
    sure = _certainty(figures.get("intervals"), model, words)
    return [side_by_side] if sure is None else [side_by_side, sure]


def _certainty(table: pd.DataFrame | None, model: str, words: Words) -> Chart | None:
    if table is None or not {"model", "channel", "credit", "credit_low"} <= set(table):
        return None
    own = table[table["model"] == model].sort_values("credit", ascending=False, kind="stable")
    total, fmt = float(own["credit"].sum()), words.fmt
    if not total:
        return None
    share, low, high = (own[f"credit{end}"] / total for end in ("", "_low", "_high"))
    names = [words.label("channel", channel) for channel in own["channel"]]
    fields = {"channel": _capital(names[0]), "share": fmt.percent(share.iloc[0], 0)}
    reached = [
        name for name, end in zip(names[1:], high.iloc[1:], strict=True) if end > low.iloc[0]
    ]
    if reached:
        sentence = words("channels.forest.unsure", next=reached[0], **fields)
    else:
        ends = {"low": fmt.percent(low.iloc[0], 0), "high": fmt.percent(high.iloc[0], 0)}
        sentence = words("channels.forest.sentence", **fields, **ends)
    named = words.label("model", model)
    return forest(
        names,
        Series(words("channels.credit"), share.tolist(), low.tolist(), high.tolist()),
        caption=Caption(
            fmt,
            words("channels.forest.title", model=named),
            sentence,
            words("channels.conversions", n=fmt.count(total)),
            interval=words("interval90"),
            key="credit-sure",
        ),
        value=Axis(words("channels.credit"), "percent"),
        label=words("channel"),
    )


def _metric(kpis: pd.DataFrame, key: str) -> pd.DataFrame | None:
    """Rows of a metric by channel, group "" the whole."""
    if not {"room", "metric", "group", "value"} <= set(kpis):
        return None
    own = kpis[(kpis["room"] == COSTS[key]) & (kpis["metric"] == METRICS[key])]
    groups = own["group"].fillna("").astype(str)
    return own.assign(group=groups) if len(own) else None


def _costs(figures: Mapping[str, pd.DataFrame], words: Words) -> list[Chart]:
    kpis = figures.get("kpis")
    if kpis is None:
        return []
    found = [(key, _metric(kpis, key)) for key in COSTS]
    return [_cost(key, rows, words) for key, rows in found if rows is not None and _known(rows)]


def _known(rows: pd.DataFrame) -> bool:
    return bool(rows["value"].notna().any())


def _cost_sentence(key: str, rows: pd.DataFrame, words: Words) -> str:
    unit, by_channel = UNITS[key], rows[rows["group"] != ""]
    if by_channel["value"].nunique() < 2:  # noqa: PLR2004 - nothing to compare
        return words(f"channels.{key}.one", value=_shown(words, rows["value"].iloc[0], unit))
    values = by_channel["value"].to_numpy(float)
    low, high = by_channel.iloc[int(values.argmin())], by_channel.iloc[int(values.argmax())]
    low_name, high_name = (words.label("channel", each["group"]) for each in (low, high))
    return words(
        f"channels.{key}.sentence",
        low_channel=low_name if key == "romi" else _capital(low_name),
        low=_shown(words, low["value"], unit),
        high_channel=high_name if key == "cac" else _capital(high_name),
        high=_shown(words, high["value"], unit),
    )


def _cost(key: str, rows: pd.DataFrame, words: Words) -> Chart:
    rows = rows[rows["value"].notna()].reset_index(drop=True)
    fmt, unit = words.fmt, UNITS[key]
    currency = str(rows["currency"].iloc[0]) if "currency" in rows else ""
    title = words(f"channels.{key}.title")
    if unit == "money" and len(currency) == 3 and not fmt.currency:  # noqa: PLR2004 - an ISO code
        title = f"{title}, {currency}"
    window = str(rows["window"].iloc[0]) if "window" in rows else ""
    return forest(
        [
            words("channels.all") if group == "" else words.label("channel", group)
            for group in rows["group"]
        ],
        Series(
            title,
            rows["value"].tolist(),
            rows["low"].tolist(),
            rows["high"].tolist(),
            rows["n"].tolist(),
        ),
        caption=Caption(
            fmt,
            title,
            _cost_sentence(key, rows, words),
            words.counted("customers", int(rows["n"].max())),
            _window(window, words),
            words("interval95"),
            key=key,
        ),
        value=Axis(title, unit),
        label=words("channel"),
        reference=REFERENCES[key],
    )


def _funnel(table: pd.DataFrame | None, words: Words) -> Chart | None:
    if table is None or not {"step", "units", "lost"} <= set(table):
        return None
    if "group" in table:
        table = table[table["group"].fillna("").astype(str) == ""]
    if len(table) < 2 or not table["units"].iloc[0] > 0:  # noqa: PLR2004 - two steps
        return None
    fmt, steps = words.fmt, [words.label("step", step) for step in table["step"]]
    most_lost = int(table["lost"].iloc[1:].to_numpy().argmax()) + 1
    days = table["window_days"].iloc[0] if "window_days" in table else None
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
            words("channels.entered", n=fmt.count(table["units"].iloc[0])),
            "" if days is None else words("channels.funnel.window", days=fmt.count(days)),
            key="funnel",
        ),
        label=words("channels.funnel.step"),
        value=words("channels.funnel.units"),
        share=words("channels.funnel.share"),
    )


def _cohorts(figures: Mapping[str, pd.DataFrame], words: Words) -> Chart | None:
    table = figures.get("retention_matrix")
    if table is None or table.shape[1] < 3:  # noqa: PLR2004 - the cohort and two ages
        return None
    later = table.iloc[:, 2].dropna()
    sentence = ""
    if len(later):
        share = words.fmt.percent(_next_share(figures.get("retention"), later))
        sentence = words("channels.cohorts.sentence", share=share, n=words.fmt.count(len(later)))
    sizes = figures.get("retention")
    n = "" if sizes is None else words.counted("customers", _cohort_customers(sizes))
    # Everybody is there at age 0: a column of 100% would only bleach the others.
    return _matrix(
        table.drop(columns=str(table.columns[1])),
        Caption(words.fmt, words("channels.cohorts.title"), sentence, n, key="cohorts"),
        words,
        "percent",
    )


def _next_share(retention: pd.DataFrame | None, later: pd.Series[float]) -> float:
    """Share of all customers, weighted by cohort size where that is known."""
    if retention is not None and {"cohort", "age", "numerator", "denominator"} <= set(retention):
        next_age = retention[retention["cohort"].notna() & (retention["age"] == 1)]
        if len(next_age) and next_age["denominator"].sum() > 0:
            return float(next_age["numerator"].sum() / next_age["denominator"].sum())
    return float(later.mean())


def _cohort_customers(retention: pd.DataFrame) -> int:
    own = retention[retention["cohort"].notna() & (retention["age"] == 0)]
    return int(own["customers"].sum()) if "customers" in own else 0


def _revenue(figures: Mapping[str, pd.DataFrame], words: Words) -> Chart | None:
    table = figures.get("revenue_matrix")
    if table is None or table.shape[1] < 2 or table.empty:  # noqa: PLR2004 - the cohort and an age
        return None
    oldest = table.iloc[0, 1:].dropna()
    value = float(oldest.iloc[-1]) if len(oldest) else None
    sentence = words("channels.revenue.sentence", value=words.fmt.money(value))
    caption = Caption(words.fmt, words("channels.revenue.title"), sentence, key="cohort-revenue")
    return _matrix(table, caption, words, "money")


def _matrix(table: pd.DataFrame, caption: Caption, words: Words, unit: Unit) -> Chart:
    table = table.tail(OLDEST_COHORTS).iloc[:, : MOST_AGES + 1]
    return heat(
        [words.fmt.period(str(cohort)) for cohort in table.iloc[:, 0]],
        [str(name) for name in table.columns[1:]],
        table.iloc[:, 1:].to_numpy(float).tolist(),
        caption=caption,
        labels=(words("channels.cohorts.rows"), words("channels.cohorts.columns")),
        unit=unit,
    )


def _window(text: str, words: Words) -> str:
    """Write "2025-01-01 to 2025-06-30" in the reader's language."""
    first, to, last = text.partition(" to ")
    if not to:
        return "" if text == "not stated" else text
    return f"{words.day(first)}{words.fmt.to}{words.day(last)}"


def _shown(words: Words, value: float, unit: Unit) -> str:
    if unit == "money":
        return words.fmt.money(value)
    return words.fmt.percent(value, 0) if unit == "percent" else words.fmt.number(value)


def _capital(text: str) -> str:
    return text[:1].upper() + text[1:]
