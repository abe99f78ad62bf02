"""Fit a lifetime-value model as of a day and judge it on the window after it."""

from __future__ import annotations

from datetime import timedelta
from typing import Any, NamedTuple

import pandas as pd

from patronage.data.fingerprint import source_fingerprint
from patronage.data.read import check_table
from patronage.data.report import DataReport
from patronage.errors import ConvergenceError, ReadinessError
from patronage.features.catalogue import feature_fingerprint
from patronage.features.rfm import rfm_summary
from patronage.jobs.holdout import Judgement, judge
from patronage.jobs.monitor import REFERENCE, reference_of
from patronage.jobs.trained import Trained
from patronage.models.lifetime_value import LifetimeValue
from patronage.tracking.artifact import Artifact
from patronage.tracking.spec import LifetimeValueSpec

# A made-up customer: the registry's example must be nobody's row.
EXAMPLE = pd.DataFrame(
    {
        "customer_id": ["007"],
        "frequency": [2.0],
        "recency": [120.0],
        "T": [200.0],
        "monetary_value": [35.5],
    }
)


class History(NamedTuple):
    """Orders as they came through the contract, and their summary as of the spec's day."""

    orders: Any
    report: DataReport
    summary: pd.DataFrame

    def reaches(self, spec: LifetimeValueSpec) -> bool:
        """Say whether the orders cover the window after as_of to its end."""
        end = spec.snapshot.as_of + timedelta(days=spec.snapshot.horizon_days)
        return self.report.last_day is not None and self.report.last_day >= end


def read_history(spec: LifetimeValueSpec) -> History:
    """Read and check the orders of a spec and summarise them as of its day."""
    table = spec.data.transactions
    orders, report = check_table(table.source, **table.reading())
    as_of = spec.snapshot.as_of
    if report.first_day is None or report.first_day > as_of:
        span = (
            f"run from {report.first_day} to {report.last_day}" if report.first_day else "are none"
        )
        raise ReadinessError(
            f"{report.source}: no order on or before snapshot.as_of {as_of}; the orders {span}."
        )
    summary = rfm_summary(orders, as_of=as_of, returns=table.returns).order("customer_id").df()
    return History(orders, report, summary)


def fit(spec: LifetimeValueSpec, summary: pd.DataFrame, purchases: str = "") -> LifetimeValue:
    """Fit the model that a spec declares, or the same with another purchase model."""
    model = LifetimeValue(
        horizon_days=spec.model.value_days,
        annual_discount=spec.model.annual_discount,
        margin=spec.model.margin,
        purchases=purchases or spec.model.purchases,
    )
    try:
        return model.fit(summary)
    except ConvergenceError as error:
        where = f"{spec.data.transactions.source} as of {spec.snapshot.as_of}"
        raise ConvergenceError(f"{where}: {error}") from None


def fit_lifetime_value(spec: LifetimeValueSpec) -> Trained:
    """Fit to as_of and judge where the window after it is complete.

    Raises
    ------
    PatronageError
        If the orders break their contract or cannot carry the model.
    """
    history = read_history(spec)
    model = fit(spec, history.summary)
    judged = None
    if history.reaches(spec):
        judged = judge(history.orders, history.summary, {model.purchases_: model}, spec)
    details = _details(spec, history, model, judged)
    return Trained(
        artifact=Artifact(spec.name, spec.kind, model, details),
        example=EXAMPLE,
        metrics=details["metrics"],
        tables={} if judged is None else judged.tables(),
        pictures={} if judged is None else judged.pictures(),
        documents={"data_report": history.report.to_dict()},
        tags=_tags(spec, history, model, judged),
        lines=_lines(spec, history, model, judged),
    )


def _details(
    spec: LifetimeValueSpec, history: History, model: LifetimeValue, judged: Judgement | None
) -> dict[str, Any]:
    metrics = {"customers": float(len(history.summary))}
    return {
        "spec": spec.model_dump(mode="json"),
        "as_of": spec.snapshot.as_of.isoformat(),
        "horizon_days": spec.snapshot.horizon_days,
        "purchases": model.purchases_,
        "status": model.status_,
        "metrics": metrics | ({} if judged is None else judged.metrics()),
        "feature_fingerprint": feature_fingerprint(model.feature_names_),
        REFERENCE: reference_of(model, history.summary),
        "data_report": history.report.to_dict(),
    }


def _tags(
    spec: LifetimeValueSpec, history: History, model: LifetimeValue, judged: Judgement | None
) -> dict[str, str]:
    status, reason = validation(spec, history, judged)
    return {
        "as_of": spec.snapshot.as_of.isoformat(),
        "horizon_days": str(spec.snapshot.horizon_days),
        "data_fingerprint": source_fingerprint(spec.data.transactions.source),
        "feature_fingerprint": feature_fingerprint(model.feature_names_),
        "validation_status": status,
        "validation_reason": reason,
    }


def validation(
    spec: LifetimeValueSpec, history: History, judged: Judgement | None
) -> tuple[str, str]:
    """Hold the judgement to the spec's gates: a status and why."""
    if judged is None:
        end = spec.snapshot.as_of + timedelta(days=spec.snapshot.horizon_days)
        return "untested", (
            f"the window of {spec.snapshot.horizon_days} days ends {end}, "
            f"the orders {history.report.last_day}"
        )
    limit, ratio = spec.gates.max_bias, 1 + judged.bias
    found = f"predicted / actual purchases {ratio:.3f}, gate 1 +- {limit:g}"
    return ("passed" if abs(judged.bias) <= limit else "failed"), found


def _lines(
    spec: LifetimeValueSpec, history: History, model: LifetimeValue, judged: Judgement | None
) -> list[str]:
    learnt = f"{len(history.summary):,} customers as of {spec.snapshot.as_of}"
    lines = [f"fitted: {model.purchases_} on {learnt}, {model.status_}"]
    if judged is not None:
        own = judged.report.measures.loc[judged.model]
        lines.append(
            f"next {spec.snapshot.horizon_days} days: {judged.report.total_actual:,.0f} purchases, "
            f"forecast {own['total_ratio']:.3f} of them "
            f"({own['total_ratio_low']:.3f} to {own['total_ratio_high']:.3f}), "
            f"AUC {own['auc']:.3f}, top tenth holds {own['top_decile_purchases']:.0%}"
        )
    return lines
