"""Question 2: who is leaving, what is at stake, why, and what could be done."""

from __future__ import annotations

import math
from collections.abc import Callable

import pandas as pd

from patronage.decisions.call_lists import NO_OWNER
from patronage.report.charts import Axis, Caption, Chart, Series, bars
from patronage.report.material import Material, RiskFacts
from patronage.report.reason_words import SEPARATOR, in_language
from patronage.report.sections import Cell, Section, WarningTable
from patronage.report.words import Language, Words

NUMBERS = {
    "churn_probability": "percent",
    "lifetime_value": "money",
    "value_at_risk": "money",
    "expected_gain": "money",
}
SHOWN = (
    "customer_id", "owner", "churn_probability", "lifetime_value", "value_at_risk",
    "churn_grade", "segment", "tier", "stage", "action", "expected_gain", "churn_reasons",
)  # fmt: skip


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
    within = "" if risk.days is None else words("leaving.span", days=fmt.count(risk.days))
    answer = words(
        "leaving.answer",
        customers=words.counted("customers", risk.n_found),
        risk=fmt.percent(risk.min_risk, 0),
        span=within,
        value=fmt.money(risk.min_value),
    )
    notes = [] if risk.is_churn else [words("leaving.alive")]
    if risk.n < material.n_customers:
        every = words.counted("customers", material.n_customers)
        rest = fmt.count(material.n_customers - risk.n)
        notes.append(words("leaving.unjudged", n=rest, all=every))
    if mask_ids:
        notes.append(words("leaving.masked"))
    charts = [_bands(risk, material, words), _segments(risk, material, words)]
    charts.append(_offers(material, words))
    return Section(
        "leaving",
        words("leaving.title"),
        answer if risk.n_found else words("leaving.none"),
        charts=tuple(chart for chart in charts if chart is not None),
        notes=tuple(notes),
        listing=_listing(risk, words, mask_ids=mask_ids) if risk.n_listed else None,
        absent=_absent(risk, material),
    )


def _absent(risk: RiskFacts, material: Material) -> tuple[str, ...]:
    absent = [] if risk.is_churn else ["risk"]
    if risk.is_churn and risk.n_listed and "churn_reasons" not in _columns(risk.warned):
        absent.append("reasons")
    if risk.n_listed and "owner" not in _columns(risk.warned):
        absent.append("owner")
    if "by_action" not in material.figures and "action" not in _columns(risk.warned):
        absent.append("offers")
    return tuple(absent)


def _bands(risk: RiskFacts, material: Material, words: Words) -> Chart | None:
    """Draw how much value belongs to customers of which chance of leaving."""
    total = float(risk.bands["value"].sum())
    if not total > 0:
        return None
    fmt, every = words.fmt, range(5)
    table = risk.bands.set_index("band").reindex(every, fill_value=0)
    likely = float(risk.bands.loc[risk.bands["band"] >= 3, "value"].sum())  # noqa: PLR2004 - from 60%
    ends = [(fmt.percent(band / 5, 0), fmt.percent((band + 1) / 5, 0)) for band in every]
    return bars(
        [f"{low}{fmt.to}{high}" for low, high in ends],
        [Series(words("value.label"), table["value"].tolist(), n=table["customers"].tolist())],
        caption=Caption(
            fmt,
            words("leaving.bands.title"),
            words("leaving.bands.sentence", share=fmt.percent(likely / total, 0), risk=ends[3][0]),
            words.counted("customers", risk.n),
            words("as_of", day=words.day(material.as_of)),
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
        [
            Series(
                words("leaving.at_risk"),
                table["value_at_risk"].tolist(),
                n=judged.tolist(),
            )
        ],
        caption=Caption(
            fmt,
            words("leaving.segments.title"),
            words("leaving.segments.sentence", segment=names[0], share=fmt.percent(share, 0)),
            words.counted("customers", risk.n),
            words("as_of", day=words.day(material.as_of)),
            key="risk-segments",
        ),
        value=Axis(words("leaving.at_risk"), "money"),
        label=words("col.segment"),
        horizontal=True,
    )


def _offers(material: Material, words: Words) -> Chart | None:
    table = material.figures.get("by_action")
    if table is None or not {"action", "customers", "cost", "expected_gain"} <= set(table):
        return None
    table = table[table["customers"] > 0]
    if table.empty:
        return None
    fmt = words.fmt
    best = table.iloc[int(table["expected_gain"].to_numpy().argmax())]
    return bars(
        [words.label("action", action) for action in table["action"]],
        [
            Series(words("leaving.offers.gain"), table["expected_gain"].tolist()),
            Series(words("leaving.offers.cost"), table["cost"].tolist()),
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
            key="offers",
        ),
        value=Axis(words("value.label"), "money"),
        label=words("leaving.offers.label"),
        horizontal=True,
    )


def _listing(risk: RiskFacts, words: Words, *, mask_ids: bool) -> WarningTable:
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
        about.insert(0, words("leaving.list.most", n=n, all=found))
    return WarningTable(
        words("leaving.list"),
        words("between_sentences").join(about),
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
        language: Language = "zh" if words.fmt.language == "zh" else "en"
        return lambda value: _reasons(value, language)
    if name in {"owner", "segment", "tier", "stage", "action"}:
        return lambda value: _text(words.label(name, value))
    return _text


def _number(value: object, unit: str, words: Words) -> Cell:
    number = float(value) if isinstance(value, int | float) else math.nan
    if math.isnan(number):
        return Cell(words.fmt.number(None), "")
    text = words.fmt.percent(number, 0) if unit == "percent" else words.fmt.money(number)
    return Cell(text, f"{number:.6g}")


def _reasons(value: object, language: Language) -> Cell:
    """Write one reason a line."""
    told = in_language(value, language) if isinstance(value, str) else ""
    return _text(told.replace(SEPARATOR, "\n"))


def _text(value: object) -> Cell:
    text = "" if value is None or value != value else str(value)  # noqa: PLR0124 - NaN
    return Cell(text, text)
