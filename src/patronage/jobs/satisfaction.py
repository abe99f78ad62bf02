"""How satisfied customers say they are, over time and by group, and what they did after."""

from __future__ import annotations

from datetime import date
from typing import Any

import pandas as pd

from patronage.data.engines import literal
from patronage.errors import SpecError
from patronage.jobs.findings import Findings, columns_of
from patronage.jobs.funnel import period_of, timezone_of
from patronage.jobs.tables import Tables, read_tables
from patronage.marketing.intervals import LEVEL
from patronage.marketing.periods import NOT_STATED, Period
from patronage.marketing.satisfaction import (
    Questions,
    csat,
    later_behaviour,
    nps,
    satisfaction_trend,
)
from patronage.plots import trend
from patronage.tracking.metric_specs import Question, SatisfactionSpec

SHOWN = ["metric", "group", "value", "low", "high", "standard_error", "n", "n_left_out", "flag"]
BY_BAND = ["metric", "group", "value", "low", "high", "n", "n_left_out", "flag"]
BY_UNIT = ["at", "value", "low", "high", "n", "change", "change_low", "change_high", "flag"]
MEASURES = {"nps": nps, "csat": csat}


def run_satisfaction(spec: SatisfactionSpec) -> Findings:
    """Measure what a spec asks.

    Returns
    -------
    Tables nps and csat, as asked, and for each <name>_trend, and <name>_later_behaviour where
    there are orders; pictures of the trends.

    Raises
    ------
    PatronageError
        If a table breaks its contract, or a score lies outside its scale.
    """
    dated = [spec.data.surveys, spec.data.transactions]
    zone = timezone_of(*[table for table in dated if table is not None])
    tables = read_tables(spec.data)
    as_of = tables.last_day(spec.snapshot.as_of)
    period = None if spec.period is None else period_of(spec.period, spec.data.surveys)
    found: dict[str, pd.DataFrame] = {}
    shown: dict[str, pd.DataFrame] = {}
    pictures = {}
    for name in MEASURES:
        question: Question | None = getattr(spec, name)
        if question is None:
            continue
        parts = _of_question(name, question, spec, (tables, as_of, period))
        found |= parts
        shown |= {title: columns_of(part, _columns(title)) for title, part in parts.items()}
        if len(parts[f"{name}_trend"]):
            pictures[name] = trend(parts[f"{name}_trend"], name.upper())
    lines = [*tables.lines(), f"observed until {as_of}; low and high are {LEVEL:.0%} intervals"]
    lines += tables.observed_lines(spec.snapshot.as_of, {"transactions"})
    for part in found.values():
        part["timezone"] = zone
        part["window"] = part["window"].replace(NOT_STATED, f"up to {as_of}")
    if spec.data.transactions is not None:
        lines.append("later behaviour: what customers did after their answer, not because of it")
    return Findings(found, pictures, shown, lines)


def _of_question(
    name: str,
    question: Question,
    spec: SatisfactionSpec,
    seen: tuple[Tables, date, Period | None],
) -> dict[str, pd.DataFrame]:
    (tables, as_of, period), options = seen, spec.satisfaction
    answers = tables.found["surveys"]
    scale = Questions(*question.scale, question.question)
    grouping: dict[str, Any] = {"by": options.by}
    groups = tables.found.get("customers")
    if options.by is not None and groups is not None and options.by in groups.columns:
        grouping["groups"] = groups
    elif options.by is not None and options.by not in answers.columns:
        raise SpecError(f"satisfaction.by is {options.by!r}, which no table of the spec has.")
    parts = {
        name: MEASURES[name](answers, scale=scale, period=period, as_of=as_of, **grouping),
        f"{name}_trend": satisfaction_trend(
            _asked(answers, question), measure=name, scale=scale, unit=options.unit, as_of=as_of
        ),
    }
    if spec.data.transactions is not None:
        parts[f"{name}_later_behaviour"] = later_behaviour(
            answers,
            tables.found["transactions"],
            as_of=as_of,
            orders_until=tables.observed(spec.snapshot.as_of)["transactions"],
            horizon_days=options.horizon_days,
            scale=scale,
            returns=spec.data.transactions.returns,
        )
    return parts


def _asked(answers: Any, question: Question) -> Any:  # noqa: ANN401 - a DuckDB relation
    """Answers to one question: units without one are no part of its trend."""
    if question.question is None or "question" not in answers.columns:
        return answers
    return answers.filter(f"question = {literal(question.question)}")


def _columns(title: str) -> list[str]:
    if title.endswith("_trend"):
        return BY_UNIT
    return BY_BAND if title.endswith("_later_behaviour") else SHOWN
