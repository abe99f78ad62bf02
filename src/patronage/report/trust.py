"""Question 5: how the models fared on days that they had not seen, and what moved since."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import timedelta
from typing import Any

import pandas as pd

from patronage.features.catalogue import describe
from patronage.report.charts import Axis, Caption, Chart, Series, bars, reliability
from patronage.report.format import MISSING
from patronage.report.material import Material, ModelRecord, Truth
from patronage.report.sections import PlainTable, Section
from patronage.report.words import Words
from patronage.report.worth import forecast_and_actual, holdout_span

MOVED_MOST = 10
COUNTED = ("rows_in", "rows_kept", "customers", "duplicates", "refunds", "zero_amounts")


def trust_section(material: Material, words: Words) -> Section:
    """Answer the question; the page always says how sure it is, or that it does not know."""
    charts = [
        _holdout_reliability(material.models.get("churn"), words),
        *_truth(material.truth, words),
        _drift(material.drift, words),
    ]
    tables = [_models(material.models, words), _data(material.models, words)]
    return Section(
        "trust",
        words("trust.title"),
        words("between_sentences").join(_answer(material, words)),
        charts=tuple(chart for chart in charts if chart is not None),
        tables=tuple(table for table in tables if table is not None),
        notes=(words("trust.limits"),),
        absent=tuple(_absent(material)),
    )


def purchase_ratio(record: ModelRecord | None) -> tuple[float, float, float] | None:
    """Forecast over purchases that came on the holdout, with its 95% interval."""
    names = ("holdout_total_ratio", "holdout_total_ratio_low", "holdout_total_ratio_high")
    if record is None or any(name not in record.metrics for name in names):
        return None
    value, low, high = (float(record.metrics[name]) for name in names)
    return value, low, high


def grade_of(record: ModelRecord | None) -> str:
    """Grade of a churn model, "" where there is none."""
    return "" if record is None else str(record.tags.get("grade", ""))


def _answer(material: Material, words: Words) -> list[str]:
    told, fmt = [], words.fmt
    ratio = purchase_ratio(material.models.get("value"))
    if ratio is not None:
        value, low, high = (fmt.percent(each, 0) for each in ratio)
        told.append(words("trust.answer.ratio", ratio=value, low=low, high=high))
    grade = grade_of(material.models.get("churn"))
    if f"grade.{grade}" in words.sentences:
        told.append(words("trust.answer.grade", grade=grade, meaning=words(f"grade.{grade}")))
    truth = material.truth
    if truth is not None and truth.deciles is not None:
        told.append(
            words(
                "trust.answer.since",
                day=words.day(truth.before),
                actual=fmt.count(truth.actual),
                forecast=fmt.count(truth.forecast),
            )
        )
    if not told:
        told.append(words("trust.answer.none"))
    n_moved = 0 if material.drift is None else int(material.drift["moved"].astype(bool).sum())
    if material.drift is not None and n_moved:
        n, every = fmt.count(n_moved), fmt.count(len(material.drift))
        told.append(words("trust.answer.moved", n=n, all=every))
    return told


def _absent(material: Material) -> list[str]:
    absent = []
    if material.risk is not None and material.risk.is_churn and "churn" not in material.models:
        absent.append("churn_holdout")
    if material.truth is None:
        absent.append("truth")
    elif material.truth.churn is None and material.risk is not None and material.risk.is_churn:
        absent.append("truth_churn")
    return absent if material.drift is not None else [*absent, "drift"]


def _holdout_reliability(record: ModelRecord | None, words: Words) -> Chart | None:
    table = None if record is None else record.tables.get("holdout_reliability")
    if record is None or table is None or table.empty:
        return None
    return _reliability(
        table, words, "trust.reliability.title", holdout_span(record, words), "reliability"
    )


def _reliability(table: pd.DataFrame, words: Words, title: str, window: str, key: str) -> Chart:
    fmt, n = words.fmt, table["n"].to_numpy(float)
    forecast, observed = table["forecast"].to_numpy(float), table["observed"].to_numpy(float)
    error = float(n @ abs(forecast - observed) / n.sum())
    sentence = words(
        "trust.reliability.sentence",
        error=fmt.percent(error),
        rate=fmt.percent(float(n @ observed / n.sum()), 0),
        mean=fmt.percent(float(n @ forecast / n.sum()), 0),
    )
    return reliability(
        forecast.tolist(),
        Series(
            words("trust.reliability.y"),
            observed.tolist(),
            table["low"].tolist(),
            table["high"].tolist(),
            table["n"].tolist(),
        ),
        caption=Caption(
            fmt,
            words(title),
            sentence,
            words.counted("customers", int(n.sum())),
            window,
            words("interval95"),
            key=key,
        ),
        x=Axis(words("trust.reliability.x"), "percent"),
        y=Axis(words("trust.reliability.y"), "percent"),
        ideal=words("trust.reliability.ideal"),
    )


def _truth(truth: Truth | None, words: Words) -> list[Chart]:
    charts: list[Chart] = []
    if truth is None:
        return charts
    # The earlier day is the last that was known, so what came begins on the next.
    fmt, first = words.fmt, truth.before + timedelta(days=1)
    window = fmt.span(first, truth.after)
    if truth.deciles is not None and len(truth.deciles):
        table = truth.deciles
        ratio = truth.forecast / truth.actual if truth.actual else None
        charts.append(
            bars(
                table["decile"].astype(int).astype(str).tolist(),
                forecast_and_actual(table, words),
                caption=Caption(
                    fmt,
                    words("trust.deciles.title"),
                    words(
                        "trust.deciles.sentence",
                        actual=fmt.count(truth.actual),
                        forecast=fmt.count(truth.forecast),
                        ratio=fmt.percent(ratio, 0),
                    ),
                    words.counted("customers", int(table["n"].sum())),
                    window,
                    words("interval95"),
                    key="truth",
                ),
                value=Axis(words("trust.deciles.value"), "number"),
                label=words("worth.holdout.label"),
            )
        )
    if truth.churn is not None and len(truth.churn):
        charts.append(_reliability(truth.churn, words, "trust.churn.title", window, "truth-churn"))
    return charts


def _drift(table: pd.DataFrame | None, words: Words) -> Chart | None:
    if table is None or table.empty:
        return None
    most, moved = table.head(MOVED_MOST), int(table["moved"].astype(bool).sum())
    names = [meaning_of(str(name), words) for name in most["feature"]]
    sentence = words(
        "trust.drift.sentence" if moved else "trust.drift.still",
        n=words.fmt.count(moved),
        all=words.fmt.count(len(table)),
        feature=names[0],
    )
    return bars(
        names,
        [Series(words("trust.drift.value"), most["psi"].tolist())],
        caption=Caption(
            words.fmt,
            words("trust.drift.title"),
            sentence,
            words.counted("customers", int(table["n"].iloc[0])),
            key="drift",
        ),
        value=Axis(words("trust.drift.value"), "number"),
        label=words("trust.drift.label"),
        horizontal=True,
    )


def meaning_of(feature: str, words: Words) -> str:
    """Say what a column of features or of scores means."""
    if f"col.{feature}" in words.sentences:
        return words(f"col.{feature}")
    found = describe(feature)
    return found.meaning_zh if words.fmt.language == "zh" else found.meaning


def _models(models: Mapping[str, ModelRecord], words: Words) -> PlainTable | None:
    if not models:
        return None
    heads = ("role", "name", "learnt", "judged", "found", "verdict")
    rows = tuple(
        (
            words(f"role.{role}"),
            " ".join(part for part in (record.name, record.version) if part),
            words.day(record.as_of or None),
            MISSING
            if record.horizon_days is None
            else words("trust.days", days=words.fmt.count(record.horizon_days)),
            _found(role, record, words),
            _verdict(record, words),
        )
        for role, record in models.items()
    )
    header = tuple(words(f"trust.models.{head}") for head in heads)
    return PlainTable(words("trust.models.title"), header, rows)


def _found(role: str, record: ModelRecord, words: Words) -> str:
    fmt, metrics = words.fmt, record.metrics
    if role == "value" and "holdout_total_ratio" in metrics:
        ratio = fmt.percent(metrics["holdout_total_ratio"], 0)
        auc = fmt.number(metrics.get("holdout_auc"), 3)
        return words("trust.found.value", ratio=ratio, auc=auc)
    if role == "churn" and "holdout_auc" in metrics:
        auc, ece = (fmt.number(metrics.get(f"holdout_{name}"), 3) for name in ("auc", "ece"))
        return words("trust.found.churn", grade=grade_of(record) or MISSING, auc=auc, ece=ece)
    if role == "segments" and "value_of_top_fifth" in metrics:
        share = fmt.percent(metrics["value_of_top_fifth"], 0)
        return words("trust.found.segments", share=share)
    return MISSING


def _verdict(record: ModelRecord, words: Words) -> str:
    if record.tags.get("promotion_forced") == "true":
        return words("verdict.forced")
    key = f"verdict.{record.tags.get('validation_status', '')}"
    return words(key) if key in words.sentences else MISSING


def _data(models: Mapping[str, ModelRecord], words: Words) -> PlainTable | None:
    """Say what went into training; one column a model where they learnt from different data."""
    reports = {
        role: record.documents["data_report"]
        for role, record in models.items()
        if "data_report" in record.documents
    }
    told = [(role, _facts(report, words)) for role, report in reports.items()]
    told = [each for at, each in enumerate(told) if each[1] not in [f for _, f in told[:at]]]
    if not told:
        return None
    names = list(dict.fromkeys(name for _, facts in told for name in facts))
    many = len(told) > 1
    header = [words(f"role.{role}") for role, _ in told] if many else [words("trust.data.value")]
    rows = tuple((name, *(facts.get(name, MISSING) for _, facts in told)) for name in names)
    return PlainTable(words("trust.data.title"), (words("trust.data.fact"), *header), rows)


def _facts(report: Mapping[str, Any], words: Words) -> dict[str, str]:
    facts = {words("trust.data.source"): str(report.get("source", MISSING))}
    for name in COUNTED:
        if name in report:
            facts[words(f"trust.data.{name}")] = words.fmt.count(report[name])
    for reason, n in dict(report.get("left_out") or {}).items():
        told = words("trust.data.left_out", reason=words.label("reason", reason))
        facts[told] = words.fmt.count(n)
    if report.get("first_day") and report.get("last_day"):
        facts[words("trust.data.span")] = words.fmt.span(report["first_day"], report["last_day"])
    return facts
