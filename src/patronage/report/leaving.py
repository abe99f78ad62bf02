"""Question 2: who is leaving, what is at stake, why, and what could be done."""

from __future__ import annotations

import math
from collections.abc import Callable
from datetime import date

import pandas as pd

from patronage.decisions.call_lists import NO_OWNER
from patronage.report.charts import Axis, Caption, Chart, Series, bars
from patronage.report.material import Material, RiskFacts
from patronage.report.reason_words import SEPARATOR, in_language
from patronage.report.sections import Cell, Section, WarningTable
from patronage.report.words import Language, Words
from patronage.report.worth import Z80, span_ahead, value_window

NUMBERS = {
    "churn_probability": "percent",
    "lifetime_value": "money",
    "value_at_risk": "money",
    "expected_gain": "money",
    "recency_days": "count",
    "frequency": "count",
}
SHOWN = (
    "customer_id", "owner", "churn_probability", "lifetime_value", "value_at_risk",
    "recency_days", "frequency", "segment", "tier", "stage", "action", "expected_gain",
    "churn_reasons",
)  # fmt: skip
"""A grade is not among them: it ranks all customers, and the valuable are seldom the riskiest."""


def leaving_section(material: Material, words: Words, *, mask_ids: bool) -> Section | None:
    """Answer the question; None without a chance of leaving.

    Parameters
    ----------
    mask_ids
        Number the customers of the list in place of their ids.
    """
    risk = material.risk
    if risk is None:
        return None
    fmt = words.fmt
    answer = words(
        words.agreeing("leaving.answer", risk.n_found),
        customers=words.counted("customers", risk.n_found),
        risk=fmt.percent(risk.min_risk, 0),
        event=event_of(risk, words),
        value=fmt.money(risk.min_value),
    )
    usual = _usual(risk, material, words)
    notes = [_basis(risk, material, words), usual]
    notes += [] if risk.is_churn else [words("leaving.alive")]
    if risk.n < material.n_customers:
        every = words.counted("customers", material.n_customers)
        n_rest = material.n_customers - risk.n
        key = words.agreeing("leaving.unjudged", n_rest)
        notes.append(words(key, n=fmt.count(n_rest), all=every))
    if mask_ids:
        notes.append(words("leaving.masked"))
    charts = [_bands(risk, material, words), _segments(risk, material, words)]
    charts.append(_offers(material, words))
    return Section(
        "leaving",
        words("leaving.title"),
        answer if risk.n_found else words("leaving.none"),
        charts=tuple(chart for chart in charts if chart is not None),
        notes=tuple(note for note in notes if note),
        listing=_listing(risk, material, words, mask_ids=mask_ids) if risk.n_listed else None,
        absent=_absent(risk, material),
    )


def event_of(risk: RiskFacts, words: Words) -> str:
    """Name what the chance is a chance of."""
    if not risk.is_churn:
        return words("leaving.event.alive")
    if risk.days is None:
        return words("leaving.event.undated")
    return words("leaving.event", days=words.fmt.count(risk.days))


def _basis(risk: RiskFacts, material: Material, words: Words) -> str:
    """Say what value at risk is, and what it is not."""
    days = None if material.value is None else material.value.days
    known = material.as_of is not None and days is not None
    span = span_ahead(words, material.as_of, days) if known else ""
    of = words("leaving.basis.span", span=span) if span else ""
    return words("leaving.basis", event=event_of(risk, words), span=of)


def _left(material: Material) -> tuple[pd.DataFrame, str | date] | None:
    """Give who left in the last window that is over, and the day before it."""
    if material.truth is not None and material.truth.churn is not None:
        return material.truth.churn, material.truth.before
    record = material.models.get("churn")
    table = None if record is None else record.tables.get("holdout_reliability")
    return None if record is None or table is None else (table, record.as_of)


def _usual(risk: RiskFacts, material: Material, words: Words) -> str:
    """Say how many leave anyway, so that a chance can be read; "" where that is not known."""
    fmt, left = words.fmt, _left(material)
    level = fmt.percent(risk.min_risk, 0)
    if risk.is_churn and risk.days is not None and left is not None and left[0]["n"].sum() > 0:
        table, day = left
        n = float(table["n"].sum())
        rate = float((table["n"] * table["observed"]).sum()) / n
        fields = {"customers": words.counted("customers", n), "days": fmt.count(risk.days)}
        told = fmt.percent(rate, 0)
        return words("leaving.usual", rate=told, day=words.day(day), risk=level, **fields)
    if math.isnan(risk.mean_risk):
        return ""
    mean, customers = fmt.percent(risk.mean_risk, 0), words.counted("customers", risk.n)
    return words("leaving.usual.mean", mean=mean, customers=customers, risk=level)


def _window(risk: RiskFacts, material: Material, words: Words) -> str:
    """Name the day of the scores, and how far chance and value look ahead."""
    if material.as_of is None or risk.days is None:
        return value_window(material, words)
    span = span_ahead(words, material.as_of, material.value.days if material.value else None)
    days, day = words.fmt.count(risk.days), words.day(material.as_of)
    return words("risk_ahead", day=day, days=days, span=span)


def _absent(risk: RiskFacts, material: Material) -> tuple[str, ...]:
    absent = [] if risk.is_churn else ["risk"]
    if risk.is_churn and risk.n_listed and not _has_reasons(risk.warned):
        absent.append("reasons")
    if risk.n_listed and "owner" not in _columns(risk.warned):
        absent.append("owner")
    if "by_action" not in material.figures and "action" not in _columns(risk.warned):
        absent.append("offers")
    return tuple(absent)


def _has_reasons(warned: pd.DataFrame) -> bool:
    """Say whether reasons were looked for of everybody in the list."""
    return "churn_reasons" in warned and bool(warned["churn_reasons"].notna().all())


def _bands(risk: RiskFacts, material: Material, words: Words) -> Chart | None:
    """Draw how much value belongs to customers of which chance of leaving."""
    total = float(risk.bands["value"].sum())
    if not total > 0:
        return None
    fmt, every = words.fmt, range(5)
    mixed = material.value is not None and material.value.n_below > 0
    table = risk.bands.set_index("band").reindex(every, fill_value=0)
    likely = float(risk.bands.loc[risk.bands["band"] >= 3, "value"].sum())  # noqa: PLR2004 - from 60%
    ends = [(fmt.percent(band / 5, 0), fmt.percent((band + 1) / 5, 0)) for band in every]
    return bars(
        [f"{low}{fmt.to}{high}" for low, high in ends],
        [_spread(words("value.label"), table, "value", "spread", table["customers"])],
        caption=Caption(
            fmt,
            words("leaving.bands.title"),
            words(
                f"leaving.bands.{'sum' if mixed else 'sentence'}",
                share=fmt.money(likely) if mixed else fmt.percent(likely / total, 0),
                risk=ends[3][0],
            ),
            words.counted("customers", risk.n),
            _window(risk, material, words),
            words("interval80") if "spread" in table else "",
            words("no_interval"),
            key="bands",
        ),
        value=Axis(words("value.label"), "money"),
        label=words("col.churn_probability"),
    )


def _segments(risk: RiskFacts, material: Material, words: Words) -> Chart | None:
    """Draw where the value at risk sits."""
    table = material.groups.get("segment")
    if table is None or "value_at_risk" not in table or not table["value_at_risk"].sum() > 0:
        return None
    fmt, table = words.fmt, table.sort_values("value_at_risk", ascending=False, kind="stable")
    names = [words.label("segment", label) for label in table["label"]]
    share = table["value_at_risk"].iloc[0] / table["value_at_risk"].sum()
    judged = table["n_at_risk" if "n_at_risk" in table else "customers"]
    return bars(
        names,
        [_spread(words("leaving.at_risk"), table, "value_at_risk", "at_risk_spread", judged)],
        caption=Caption(
            fmt,
            words("leaving.segments.title"),
            words("leaving.segments.sentence", segment=names[0], share=fmt.percent(share, 0)),
            words.counted("customers", risk.n),
            _window(risk, material, words),
            words("interval80") if "at_risk_spread" in table else "",
            words("no_interval"),
            key="risk-segments",
        ),
        value=Axis(words("leaving.at_risk"), "money"),
        label=words("col.segment"),
        horizontal=True,
    )


def _spread(name: str, table: pd.DataFrame, what: str, spread: str, n: pd.Series[int]) -> Series:
    """Make a series of sums, with their 80% interval where the spread is known."""
    value, low, high = table[what].astype(float), None, None
    if spread in table:
        half = Z80 * table[spread].astype(float)
        floored = (value - half).clip(lower=0).where(value >= 0, value - half)
        low, high = floored.tolist(), (value + half).tolist()
    return Series(name, value.tolist(), low, high, n.tolist())


def _offers(material: Material, words: Words) -> Chart | None:
    table = material.figures.get("by_action")
    if table is None or not {"action", "customers", "cost", "expected_gain"} <= set(table):
        return None
    table = table[table["customers"] > 0]
    if table.empty:
        return None
    fmt, n = words.fmt, table["customers"].tolist()
    best = table.iloc[int(table["expected_gain"].to_numpy().argmax())]
    return bars(
        [words.label("action", action) for action in table["action"]],
        [
            Series(words(f"leaving.offers.{name}"), table[column].tolist(), n=n)
            for name, column in (("gain", "expected_gain"), ("cost", "cost"))
        ],
        caption=Caption(
            fmt,
            words("leaving.offers.title"),
            words(
                "leaving.offers.sentence",
                action=words.label("action", best["action"]),
                gain=fmt.money(best["expected_gain"]),
                cost=fmt.money(best["cost"]),
                customers=words.counted("customers", int(best["customers"])),
            ),
            words.counted("customers", int(table["customers"].sum())),
            value_window(material, words),
            bare=words("leaving.offers.bare", basis=evidence(table, words)),
            key="offers",
        ),
        value=Axis(words("value.label"), "money"),
        label=words("leaving.offers.label"),
        horizontal=True,
    )


def evidence(table: pd.DataFrame, words: Words) -> str:
    """Say whether the effects of actions were measured."""
    assumed = table["assumed"].astype(bool) if "assumed" in table else pd.Series([True])
    kind = "assumed" if assumed.all() else "mixed" if assumed.any() else "measured"
    return words(f"leaving.offers.{kind}")


def _listing(risk: RiskFacts, material: Material, words: Words, *, mask_ids: bool) -> WarningTable:
    table, columns = risk.warned, _columns(risk.warned)
    writers = {name: _writer(name, words) for name in columns}
    written = {name: [writers[name](value) for value in table[name].tolist()] for name in columns}
    if mask_ids:
        written["customer_id"] = [
            Cell(words("leaving.masked_id", n=place), f"{place:05d}")
            for place in range(1, len(table) + 1)
        ]
    by_gain = "expected_gain" in columns
    about = [words("leaving.list.by_gain" if by_gain else "leaving.list.by_value")]
    if risk.n_found > risk.n_listed:
        n, found = words.fmt.count(risk.n_listed), words.counted("customers", risk.n_found)
        most = "leaving.list.most.by_gain" if by_gain else "leaving.list.most.by_value"
        about.insert(0, words(most, n=n, all=found))
    about.append(_usual(risk, material, words))
    return WarningTable(
        words("leaving.list"),
        words("between_sentences").join(part for part in about if part),
        tuple((name, words(f"col.{name}")) for name in columns),
        frozenset(name for name in columns if name in NUMBERS),
        "expected_gain" if by_gain else "value_at_risk",
        tuple(zip(*(written[name] for name in columns), strict=True)),
    )


def _columns(table: pd.DataFrame) -> list[str]:
    """Columns that say something of somebody."""
    found = [name for name in SHOWN if name in table and table[name].notna().any()]
    if "owner" in found and (table["owner"] == NO_OWNER).all():
        found.remove("owner")
    return found


def _writer(name: str, words: Words) -> Callable[[object], Cell]:
    unit = NUMBERS.get(name)
    if unit is not None:
        return lambda value: _number(value, unit, words)
    if name == "churn_reasons":
        return lambda value: _reasons(value, words)
    if name in {"owner", "segment", "tier", "stage", "action"}:
        return lambda value: _text(words.label(name, value))
    return _text


def _number(value: object, unit: str, words: Words) -> Cell:
    number = float(value) if isinstance(value, int | float) else math.nan
    if math.isnan(number):
        return Cell(words.fmt.number(None), "")
    if unit == "percent":
        text = words.fmt.percent(number, 0)
    else:
        text = words.fmt.count(number) if unit == "count" else words.fmt.money(number)
    return Cell(text, f"{number:.6g}")


def _reasons(value: object, words: Words) -> Cell:
    """Write one reason a line; none looked for is not none found."""
    if not isinstance(value, str):
        return _text(words("leaving.unasked"))
    language: Language = "zh" if words.fmt.language == "zh" else "en"
    told = [in_language(part, language) for part in value.split(SEPARATOR) if part]
    return _text("\n".join(told) or words("leaving.no_reason"))


def _text(value: object) -> Cell:
    text = "" if value is None or value != value else str(value)  # noqa: PLR0124 - NaN
    return Cell(text, text)
