"""Train a model of chances: rows, readiness, fit, judgement, and the gates."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import pandas as pd

from patronage.data.fingerprint import sources_fingerprint
from patronage.errors import GateError
from patronage.features.catalogue import feature_fingerprint
from patronage.jobs import churn, labelled, leads
from patronage.jobs.cards import model_card
from patronage.jobs.classifier import ClassifierHoldout, fit_classifier, judge_classifier
from patronage.jobs.monitor import REFERENCE, reference_of
from patronage.jobs.readiness import ReadinessReport, readiness_of_rows
from patronage.jobs.trained import Trained
from patronage.jobs.training_set import TrainingSet
from patronage.models.monotone import constraint_price
from patronage.models.score_model import ScoreModel
from patronage.tracking.artifact import Artifact
from patronage.tracking.propensity_spec import ChurnSpec, LeadSpec

WORST_REGISTERED = "C"
PROFILED_ROWS = 100_000
EXAMPLE_HISTORY = {"frequency": 2.0, "recency": 120.0, "T": 200.0, "monetary_value": 35.5}


@dataclass(frozen=True)
class Fitted:
    """Everything that one training run found out."""

    spec: ChurnSpec | LeadSpec
    rows: TrainingSet
    readiness: ReadinessReport
    model: ScoreModel
    holdout: ClassifierHoldout
    price: str

    @property
    def letter(self) -> str:
        """Grade of the model."""
        return self.holdout.judgement.grade.letter

    @property
    def validation(self) -> tuple[str, str]:
        """Hold the grade to the spec's gate: a status and why."""
        grade, least = self.holdout.judgement.grade, self.spec.gates.min_grade
        found = f"grade {grade.letter}, gate {least}: {'; '.join(grade.because)}"
        return ("passed" if grade.letter <= least else "failed"), found


def training_set(spec: ChurnSpec | LeadSpec) -> TrainingSet:
    """Make the rows of a spec, whatever table it names."""
    if spec.data.labelled is not None:
        return labelled.training_set(spec)
    return churn.training_set(spec) if isinstance(spec, ChurnSpec) else leads.training_set(spec)


def fit_and_judge(spec: ChurnSpec | LeadSpec, *, with_price: bool = True) -> Fitted:
    """Read, check, fit and judge, without logging anything.

    Raises
    ------
    PatronageError
        If the data break their contract, are not ready, or cannot be learnt from.
    """
    rows = training_set(spec)
    readiness = readiness_of_rows(rows, spec)
    readiness.raise_if_refused()
    model = fit_classifier(spec, rows)
    price = _price(model, rows) if with_price else ""
    return Fitted(spec, rows, readiness, model, judge_classifier(model, rows), price)


def fit_propensity(spec: ChurnSpec | LeadSpec) -> Trained:
    """Fit and judge a model of chances and hand over what is logged and registered."""
    found = fit_and_judge(spec)
    details = _details(found)
    artifact = Artifact(spec.name, spec.kind, found.model, details)
    card = model_card(artifact, found.holdout, found.rows)
    return Trained(
        artifact=artifact,
        example=example_of(found.model),
        metrics=details["metrics"],
        tables=found.holdout.tables() | {"features": _features_table(found)},
        pictures=found.holdout.pictures(),
        documents={
            "data_report": dict(found.rows.report),
            "readiness": found.readiness.to_dict(),
            "judgement": found.holdout.judgement.to_dict(),
        },
        tags=_tags(found),
        lines=lines_of(found),
        texts={"card.md": card},
        barred=_barred(found),
    )


def lines_of(found: Fitted) -> list[str]:
    """Say it to the person at the terminal."""
    propensity = found.model.propensity
    n_rows, n_units = int(found.rows.fitting.sum()), _n_units(found.rows)
    lines = [
        found.rows.outcome_line(),
        *found.readiness.lines(only_problems=True),
        *(f"note: {note}" for note in found.rows.notes),
        f"split: {found.rows.split}",
        (
            f"fitted: {n_rows:,} rows of {n_units:,} {found.model.names.id.removesuffix('_id')}s, "
            f"{propensity.chosen_because_}"
        ),
    ]
    return [*lines, *([found.price] if found.price else []), *found.holdout.lines()]


def example_of(model: ScoreModel) -> pd.DataFrame:
    """Make one row of nobody: the usual value of each column."""
    usual = {column.name: column.usual for column in model.propensity.features_.columns}
    text = set(model.text_features_)
    values: dict[str, Any] = {model.names.id: ["007"]}
    for name in model.feature_names_:
        value = usual.get(name)
        default = "" if name in text else 1.0
        values[name] = [default if value is None else value]
    if model.forecaster is not None:
        # A purchase model asks for a history that can be.
        values |= {name: [value] for name, value in EXAMPLE_HISTORY.items()}
    return pd.DataFrame(values)


def _price(model: ScoreModel, rows: TrainingSet) -> str:
    """Say what the monotone constraints cost, where there are any and rows are not too many."""
    few = int(rows.fitting.sum()) <= PROFILED_ROWS
    label = rows.label[rows.judging]
    if not model.propensity.monotone or not few or not 0 < label.sum() < len(label):
        return ""
    judge = rows.rows(rows.judging), label
    table, outcome = rows.rows(rows.fitting), rows.label[rows.fitting]
    groups = rows.units[rows.fitting]
    return constraint_price(model.propensity, table, outcome, groups=groups, judge=judge).sentence()


def _details(found: Fitted) -> dict[str, Any]:
    propensity, table = found.model.propensity, found.rows.rows(found.rows.fitting)
    names = list(table.columns)
    return {
        "spec": found.spec.model_dump(mode="json"),
        "as_of": _as_of(found.spec),
        "horizon_days": _horizon(found.spec),
        "learner": propensity.learner_,
        "chosen_because": propensity.chosen_because_,
        "split": found.rows.split,
        "grade": found.letter,
        "grade_because": list(found.holdout.judgement.grade.because),
        "metrics": found.holdout.metrics(),
        "features": {name: found.rows.described(name).meaning for name in names},
        "feature_fingerprint": feature_fingerprint(found.model.feature_names_),
        REFERENCE: reference_of(found.model, table),
        "data_report": dict(found.rows.report),
        "notes": list(found.rows.notes),
        **found.rows.facts,
    }


def _tags(found: Fitted) -> dict[str, str]:
    status, reason = found.validation
    return {
        "as_of": _as_of(found.spec) or "",
        "horizon_days": str(_horizon(found.spec) or ""),
        "data_fingerprint": sources_fingerprint(found.rows.sources),
        "feature_fingerprint": feature_fingerprint(found.model.feature_names_),
        "learner": found.model.propensity.learner_,
        "grade": found.letter,
        "rate_moved": str(found.holdout.shift.moved).lower(),
        "validation_status": status,
        "validation_reason": reason,
    }


def _barred(found: Fitted) -> GateError | None:
    if found.letter <= WORST_REGISTERED:
        return None
    because = "; ".join(found.holdout.judgement.grade.because)
    return GateError(
        f"{found.spec.name} is not registered: grade {found.letter}, {because}. Give it more "
        "history or better columns, or register it with train --force, which is tagged."
    )


def _features_table(found: Fitted) -> pd.DataFrame:
    names = found.rows.rows(found.rows.judging).columns
    declared = [found.rows.described(name) for name in names]
    return pd.DataFrame(
        {
            "feature": [each.name for each in declared],
            "meaning": [each.meaning for each in declared],
            "unit": [each.unit for each in declared],
            "group": [each.group for each in declared],
        }
    )


def _n_units(rows: TrainingSet) -> int:
    return int(pd.Series(rows.units[rows.fitting]).nunique())


def _as_of(spec: ChurnSpec | LeadSpec) -> str | None:
    return None if spec.snapshot is None else spec.snapshot.as_of.isoformat()


def _horizon(spec: ChurnSpec | LeadSpec) -> int | None:
    return None if spec.snapshot is None else spec.snapshot.horizon_days
