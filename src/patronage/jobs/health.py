"""Learn how well things stand with customers, and see whether the score told what came."""

from __future__ import annotations

import warnings
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

import numpy as np
import pandas as pd

from patronage.data.report import DataReport
from patronage.errors import ConvergenceError, DataError, PatronageError, SpecError
from patronage.features.catalogue import feature_fingerprint
from patronage.jobs.churn import from_transactions
from patronage.jobs.classifier import fit_classifier
from patronage.models.lifetime_value import LifetimeValue
from patronage.models.score_model import ScoreModel
from patronage.segments.health import HealthBacktest, HealthScore, backtest_health
from patronage.tracking.customer_segments import (
    KNOWN_COMPONENTS,
    CustomerSegments,
    churn_probability,
    forecast_of,
    health_components,
)
from patronage.tracking.propensity_spec import ChurnSnapshot, ChurnSpec
from patronage.tracking.registry import load_model
from patronage.tracking.segments_spec import SegmentsSpec
from patronage.tracking.spec import parse_spec

EQUAL = "equal"


@dataclass(frozen=True)
class ChurnPart:
    """A registered model of churn, and how it was declared."""

    name: str
    model: ScoreModel
    spec: ChurnSpec
    snapshot: ChurnSnapshot


@dataclass(frozen=True)
class Health:
    """What was learnt, or why nothing was; and the model of churn whose chance is a part."""

    score: HealthScore | None
    churn: ChurnPart | None = None
    notes: tuple[str, ...] = ()

    @property
    def parts(self) -> dict[str, Any]:
        """Fields of `CustomerSegments`."""
        if self.score is None or self.churn is None:
            return {"health": self.score}
        days = self.churn.snapshot.eligible_days
        return {"health": self.score, "churn": self.churn.model, "churn_eligible_days": days}


def learn_health(
    spec: SegmentsSpec,
    churn: ChurnPart | None,
    before: pd.DataFrame,
    outcome: pd.DataFrame,
    *,
    value: LifetimeValue,
    report: DataReport,
) -> Health:
    """Learn a horizon before as_of, from what customers then did; else say why not.

    Every part is what could be known on that day: forecasts and chances of churn come from
    models like those that score, fitted on the days before it.

    Parameters
    ----------
    churn
        From `load_churn`.
    before, outcome
        Customers as of a horizon before as_of, and what they bought until as_of.
    value
        Unfitted.

    Raises
    ------
    SpecError
        If the spec names a component that is none.
    """
    wanted = spec.model.health
    if wanted == "none":
        return Health(None)
    if before.empty:
        return Health(None, notes=("no health: no customer a horizon before as_of",))
    notes: tuple[str, ...] = ()
    try:
        with warnings.catch_warnings():
            # The fit of as_of says the same.
            warnings.simplefilter("ignore")
            fitted = value.fit(before)
        chance = None
        if churn is not None:
            chance, note = _chance_then(spec, churn, before, report)
            churn, notes = (churn, ()) if chance is not None else (None, (note,))
        parts = health_components(before, forecast_of(fitted, before), chance)
        score = HealthScore() if isinstance(wanted, str) else HealthScore(_by_hand(wanted, parts))
        stayed = outcome["holdout_purchases"].to_numpy() > 0
        return Health(score.fit(parts, stayed), churn, notes)
    except (ConvergenceError, DataError, ValueError) as error:
        return Health(None, notes=(*notes, f"no health: {error}"))


def load_churn(spec: SegmentsSpec) -> ChurnPart | None:
    """Load the model of churn that a spec names, if it names one.

    Raises
    ------
    SpecError
        If it is none, was not trained on orders, or has seen the days that judge health.
    RegistryError
        If it is not there.
    """
    name = spec.model.churn
    if name is None or spec.model.health == "none":
        return None
    artifact = load_model(name)
    if artifact.kind != "churn":
        raise SpecError(f"model.churn is {name}, a model of kind {artifact.kind}; name a churn.")
    theirs = parse_spec(artifact.details["spec"], source=f"spec of {name}")
    if not isinstance(theirs, ChurnSpec) or not theirs.data.transactions or not theirs.snapshot:
        raise SpecError(f"model.churn is {name}, trained on no orders; health takes one that was.")
    if theirs.snapshot.as_of > spec.snapshot.as_of:
        raise SpecError(
            f"model.churn is {name}, trained as of {theirs.snapshot.as_of}, after snapshot.as_of "
            f"{spec.snapshot.as_of}: it has seen what health is judged by. Name an older version, "
            f"as in {artifact.name}/1, or set a later as_of."
        )
    if artifact.details.get("feature_fingerprint") != feature_fingerprint(artifact.feature_names):
        raise SpecError(f"model.churn is {name}, of other features than today's; train it again.")
    return ChurnPart(name, artifact.model, theirs, theirs.snapshot)


def health_tables(
    model: CustomerSegments, components: pd.DataFrame, bands: pd.Series[Any]
) -> dict[str, pd.DataFrame]:
    """Say what the score is made of: the weights, and the points of each component by band.

    Parameters
    ----------
    components
        From `CustomerSegments.components`.
    bands
        Band of each customer.
    """
    if model.health is None:
        return {}
    weights = model.health.weights_
    bounds = [model.health.weight_bounds_.get(name, (np.nan, np.nan)) for name in weights]
    # What is missing gives no points: so the parts add up to the score.
    points = model.health.transform(components).fillna(0.0)
    whole = points.mean().rename("all")
    mean = pd.concat([whole.to_frame().T, points.groupby(bands.to_numpy()).mean()])
    long = mean.rename_axis("band").reset_index().melt("band", None, "component", "points")
    totals = long.groupby("band")["points"].transform("sum")
    sizes = bands.value_counts()
    return {
        "health_weights": pd.DataFrame(
            {
                "component": list(weights),
                "weight": list(weights.values()),
                "low": [low for low, _ in bounds],
                "high": [high for _, high in bounds],
                "weights_from": model.health.weights_from_,
                "known": components.notna().mean().reindex(list(weights)).to_numpy(),
            }
        ),
        "health_shares": long.assign(
            share=long["points"] / totals.where(totals > 0),
            customers=long["band"].map(sizes).fillna(len(bands)).astype("int64"),
        ),
    }


def judge_health(
    model: CustomerSegments,
    components: pd.DataFrame,
    stayed: Any,  # noqa: ANN401 - an array
) -> tuple[HealthBacktest, dict[str, pd.DataFrame]] | None:
    """Hold the score to what customers did after as_of, beside equal weights.

    Returns
    -------
    The back-test and its tables: health_bands, health_capture (of those who left) and
    health_backtest (AUC of the weights and of equal ones); None where all, or none, stayed.
    """
    kept = np.asarray(stayed, dtype=bool)
    if model.health is None or kept.all() or not kept.any():
        return None
    found = backtest_health(model.health.health(components), kept)
    alike = _equal_weights(model.health)
    beside = backtest_health(alike.health(components), kept)
    rows = [
        {"weights": name, "auc": each.auc.value, "low": each.auc.low, "high": each.auc.high,
         "customers": each.n, "left_out": each.n_left_out}
        for name, each in ((model.health.weights_from_, found), (EQUAL, beside))
    ]  # fmt: skip
    return found, {
        "health_bands": found.bands,
        "health_capture": found.capture_table(),
        "health_backtest": pd.DataFrame(rows),
    }


def _equal_weights(health: HealthScore) -> HealthScore:
    other = HealthScore.from_state(health.to_state())
    other.weights_ = dict.fromkeys(other.components_, 1 / len(other.components_))
    return other


def _chance_then(
    spec: SegmentsSpec, churn: ChurnPart, before: pd.DataFrame, report: DataReport
) -> tuple[Any, str]:
    """Chance of churn as a model like the registered one, fitted until then, told it."""
    day = spec.snapshot.as_of - timedelta(days=spec.snapshot.horizon_days)
    horizon = timedelta(days=churn.snapshot.horizon_days)
    if report.last_day is not None:
        day = min(day, report.last_day - horizon)
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            rows = from_transactions(
                spec.data.transactions, churn.snapshot.model_copy(update={"as_of": day})
            )
            model = fit_classifier(churn.spec, rows)
        chance = churn_probability(model, before, eligible_days=churn.snapshot.eligible_days)
    except PatronageError as error:
        return None, f"health without churn_probability: {error}"
    return chance, ""


def _by_hand(weights: dict[str, float], parts: pd.DataFrame) -> dict[str, float]:
    unknown = [name for name in weights if name not in KNOWN_COMPONENTS]
    if unknown:
        known = ", ".join(KNOWN_COMPONENTS)
        raise SpecError(f"model.health has {unknown[0]!r}; components are {known}.")
    absent = [name for name in weights if name not in parts]
    if absent:
        raise SpecError(
            f"model.health has {absent[0]!r}, which is not there; give [data.surveys], "
            "[data.service_contacts] or model.churn, whatever it comes from."
        )
    return {str(name): weights.get(str(name), 0.0) for name in parts}
