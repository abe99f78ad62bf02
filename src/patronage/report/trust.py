"""Question 5: how the models fared on days that they had not seen, and what moved since."""

from __future__ import annotations

import math
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
from patronage.report.worth import FEW, forecast_and_actual, holdout_span, ratio_of

MOVED_MOST = 10
COUNTED = ("rows_in", "rows_kept", "customers", "duplicates", "refunds", "zero_amounts")


def trust_section(material: Material, words: Words) -> Section:
    """Answer the question; the page always says how sure it is, or that it does not know."""
    charts = [
        _holdout_reliability(material.models.get("churn"), words),
        *_truth(material.truth, words),
        _drift(material, words),
    ]
    tables = [_models(material.models, words), _data(material.models, words)]
    return Section(
        "trust",
        words("trust.title"),
        "\n".join(_answer(material, words)),
        charts=tuple(chart for chart in charts if chart is not None),
        tables=tuple(table for table in tables if table is not None),
        notes=(*_meanings(material, words), words("trust.limits")),
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
    record = material.models.get("value")
    ratio, latest = purchase_ratio(record), _latest(material.truth, words)
    if record is not None and ratio is not None:
        told.append(_long_check(record, ratio, words))
    if ratio is not None and latest:
        latest = words("between_sentences").join([latest, words("trust.answer.two")])
    told += [latest] if latest else []
    grade = grade_of(material.models.get("churn"))
    if f"grade.{grade}" in words.sentences:
        told.append(words("trust.answer.grade", grade=grade, meaning=words(f"grade.{grade}")))
    if not told:
        told.append(words("trust.answer.none"))
    n_moved = 0 if material.drift is None else int(material.drift["moved"].astype(bool).sum())
    if material.drift is not None and n_moved:
        n, every = fmt.count(n_moved), fmt.count(len(material.drift))
        most = meaning_of(str(material.drift["feature"].iloc[0]), words)
        told.append(words("trust.answer.drift", n=n, all=every, feature=most))
    return told


def _long_check(record: ModelRecord, ratio: tuple[float, float, float], words: Words) -> str:
    """Tell the check that training made: of days after those that the model learnt from."""
    fields = dict(
        zip(("ratio", "low", "high"), (words.fmt.percent(each, 0) for each in ratio), strict=True)
    )
    if not record.as_of or record.horizon_days is None:
        return words("trust.answer.ratio.undated", **fields)
    day, days = words.day(record.as_of), words.fmt.count(record.horizon_days)
    return words("trust.answer.ratio", day=day, days=days, **fields)


def _latest(truth: Truth | None, words: Words) -> str:
    """Tell the check that two score tables make; "" without one."""
    if truth is None or truth.deciles is None:
        return ""
    fmt, ratio = words.fmt, ratio_of(truth.deciles)
    reach = ""
    if ratio is not None:
        ends = {"low": fmt.percent(ratio.low, 0), "high": fmt.percent(ratio.high, 0)}
        reach = words("trust.answer.reach", **ends)
    return words(
        "trust.answer.latest",
        day=words.day(truth.before + timedelta(days=1)),
        actual=words.counted("purchases", truth.actual),
        forecast=fmt.count(truth.forecast),
        ratio=fmt.percent(truth.forecast / truth.actual if truth.actual else None, 0),
        reach=reach,
    )


def _meanings(material: Material, words: Words) -> list[str]:
    """Say what the figures of this section mean, of those that stand in it."""
    models = material.models.values()
    has_auc = any("holdout_auc" in record.metrics for record in models)
    notes = [words("trust.auc")] if has_auc else []
    return notes if material.drift is None else [*notes, words("trust.psi")]


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
    window = holdout_span(record, words) or words("no_window")
    return _reliability(table, words, "trust.reliability.title", window, "reliability")


def _reliability(table: pd.DataFrame, words: Words, title: str, window: str, key: str) -> Chart:
    fmt, n = words.fmt, table["n"].to_numpy(float)
    forecast, observed = table["forecast"].to_numpy(float), table["observed"].to_numpy(float)
    error = float(n @ abs(forecast - observed) / n.sum())
    sentence = words(
        "trust.reliability.sentence",
        error=fmt.number(100 * error, 1),
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
    if truth.deciles is not None and truth.deciles["n"].sum() >= FEW:
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
                        actual=words.counted("purchases", truth.actual),
                        forecast=fmt.count(truth.forecast),
                        ratio=fmt.percent(ratio, 0),
                    ),
                    words.counted("customers", int(table["n"].sum())),
                    window,
                    words("interval95"),
                    words("trust.deciles.bare"),
                    key="truth",
                ),
                value=Axis(words("trust.deciles.value"), "number"),
                label=words("worth.holdout.label"),
            )
        )
    if truth.churn is not None and len(truth.churn):
        charts.append(_reliability(truth.churn, words, "trust.churn.title", window, "truth-churn"))
    return charts


def _drift(material: Material, words: Words) -> Chart | None:
    table = material.drift
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
    limit = float(table["limit"].min()) if "limit" in table else math.nan
    value, known = words("trust.drift.value"), not math.isnan(limit)
    line = words("trust.drift.limit", limit=words.fmt.number(limit))
    return bars(
        names,
        [Series(value, most["psi"].tolist(), n=most["n"].tolist())],
        caption=Caption(
            words.fmt,
            words("trust.drift.title"),
            sentence,
            _compared(int(table["n"].max()), material.n_customers, words),
            _days_compared(material, words),
            bare=words("trust.drift.bare"),
            key="drift",
        ),
        value=Axis(
            words("and").join([value, line]) if known else value,
            mark=limit if known else None,
        ),
        label=words("trust.drift.label"),
        horizontal=True,
    )


def _compared(n: int, every: int, words: Words) -> str:
    """Say how many were compared, and why not all."""
    if n >= every:
        return words.counted("customers", n)
    return words("trust.drift.n", n=words.fmt.count(n), all=words.counted("customers", every))


def _days_compared(material: Material, words: Words) -> str:
    """Name the day of the scores, and the last that any of the models learnt from."""
    learnt = [record.as_of for record in material.models.values() if record.as_of]
    if material.as_of is None or not learnt:
        return words("as_of", day=words.day(material.as_of)) if material.as_of else words("undated")
    days = {"day": words.day(material.as_of), "learnt": words.day(max(learnt))}
    return words("trust.drift.window", **days)


def meaning_of(feature: str, words: Words) -> str:
    """Say what a column of features or of scores means."""
    found = describe(feature)
    if found.meaning == feature and f"col.{feature}" in words.sentences:
        heading = words(f"col.{feature}")
        return heading[0].lower() + heading[1:]
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
