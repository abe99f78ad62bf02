"""Whether what is scored still looks like what the models were fitted on.

Training stores a summary of the columns that a model takes and gives, and no row. Scoring compares
before it scores: a sample of the customers is enough, and tells the same whoever is asked.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from patronage.data.write import write_json
from patronage.errors import DriftError
from patronage.evaluation.drift import Drift, drift, profile
from patronage.jobs.chances import eligible
from patronage.models.lifetime_value import HISTORY, LifetimeValue
from patronage.models.score_model import ALWAYS_MOVING, ScoreModel
from patronage.tracking.artifact import Artifact
from patronage.tracking.propensity_spec import ChurnSpec, LeadSpec

REFERENCE = "reference"
DRIFT_FILE = "_drift.json"
PROFILED_ROWS = 100_000
COMPARED_ROWS = 10_000
WORTH_A_WARNING = 0.25
FORECASTS = ("probability_alive", "expected_spend")
"""Of a lifetime-value model: what no setting of the scoring run changes."""
_SHOWN = 3


def reference_of(
    model: ScoreModel | LifetimeValue, features: pd.DataFrame
) -> dict[str, dict[str, Any]]:
    """Sum up the rows of the fit, of many a sample: inputs and outputs, by column.

    Parameters
    ----------
    model
        Fitted.
    features
        The rows of the fit: of a `ScoreModel` with the forecasts.

    Returns
    -------
    JSON values, to be stored with the model.
    """
    some = features
    if len(features) > PROFILED_ROWS:
        some = features.sample(PROFILED_ROWS, random_state=0)
    if isinstance(model, LifetimeValue):
        return {
            "inputs": profile(some[HISTORY]),
            "outputs": profile(model.predict(some[HISTORY])[list(FORECASTS)]),
        }
    chance = model.propensity.predict_proba(some)[:, 1]
    named = pd.DataFrame({model.names.probability: chance})
    return {"inputs": profile(some), "outputs": profile(named)}


@dataclass(frozen=True)
class ModelDrift:
    """How far one model's inputs and outputs moved.

    Attributes
    ----------
    model, version
    found
        By column, inputs and outputs, the one that moved most first.
    outputs
        Names of those that the model gives.
    limit
        The stability index that none may pass, None where the spec sets none.
    """

    model: str
    version: str
    found: tuple[Drift, ...]
    outputs: tuple[str, ...]
    limit: float | None

    @property
    def reach(self) -> float:
        """Stability index from which a column counts as moved."""
        return WORTH_A_WARNING if self.limit is None else self.limit

    @property
    def moved(self) -> tuple[Drift, ...]:
        """Columns beyond the limit, or beyond what is worth a warning; calendar ones left out."""
        return tuple(
            each
            for each in self.found
            if each.feature not in ALWAYS_MOVING and each.psi > self.reach
        )

    def line(self) -> str:
        """Say in a line what moved."""
        named = ", ".join(f"{each.feature} (PSI {each.psi:.2f})" for each in self.moved[:_SHOWN])
        return (
            f"model {self.model} version {self.version}: {len(self.moved)} of {len(self.found)} "
            f"columns moved by more than {self.reach:g} since training, first {named}"
        )

    def to_dict(self) -> dict[str, Any]:
        """Give JSON values; what cannot be measured is null."""
        beyond = {each.feature for each in self.moved}
        return {
            "version": self.version,
            "max_drift": self.limit,
            "columns": [
                {
                    "column": each.feature,
                    "role": "output" if each.feature in self.outputs else "input",
                    "psi": each.psi,
                    "ks": each.ks if np.isfinite(each.ks) else None,
                    "missing_before": each.missing_before,
                    "missing_now": each.missing_now,
                    "moved": each.feature in beyond,
                    "by_calendar": each.feature in ALWAYS_MOVING,
                }
                for each in self.found
            ],
        }


@dataclass(frozen=True)
class DriftReport:
    """What a scoring run found out about drift.

    Attributes
    ----------
    n_rows
        That were compared.
    models
        Of those that keep a reference.
    """

    n_rows: int
    models: tuple[ModelDrift, ...]

    def lines(self) -> list[str]:
        """Say which models see other customers than they learnt from."""
        return [each.line() for each in self.models if each.moved]

    def to_dict(self) -> dict[str, Any]:
        """Give JSON values."""
        return {
            "rows": self.n_rows,
            "warns_over": WORTH_A_WARNING,
            "models": {each.model: each.to_dict() for each in self.models},
        }

    def raise_if_refused(self) -> None:
        """Refuse to publish where a limit of a spec is passed.

        Raises
        ------
        DriftError
            Naming the model and what moved.
        """
        for each in self.models:
            if each.limit is not None and each.moved:
                raise DriftError(
                    f"{each.line()}. Nothing was published and the last scores stay; look at the "
                    "input, train again, or raise gates.max_drift with --set."
                )


def watch(
    artifacts: Iterable[Artifact], specs: Iterable[Any], features: pd.DataFrame, folder: Path
) -> DriftReport:
    """Compare what is to be scored, leave the figures beside the scores, and hold them to limits.

    Parameters
    ----------
    artifacts, specs, features
        As `drift_report` takes them; of many rows every so many are compared.
    folder
        Of the scores; the figures go to _drift.json, which readers of the scores pass over.

    Raises
    ------
    DriftError
        If a limit of a spec is passed; the figures are there, nothing else is.
    """
    every = max(1, len(features) // COMPARED_ROWS)
    report = drift_report(artifacts, specs, features.iloc[::every])
    write_json(folder / DRIFT_FILE, report.to_dict())
    report.raise_if_refused()
    return report


def drift_report(
    artifacts: Iterable[Artifact], specs: Iterable[Any], features: pd.DataFrame
) -> DriftReport:
    """Compare rows that are to be scored with those that each model was fitted on.

    Parameters
    ----------
    artifacts, specs
        Models, each with its spec; one without a stored reference is passed over.
    features
        All rows, or a sample that stands for them.

    Returns
    -------
    DriftReport; rows that a model does not score, such as of customers long gone, do not count.
    """
    found = [
        _compared(artifact, spec, features)
        for artifact, spec in zip(artifacts, specs, strict=True)
        if REFERENCE in artifact.details
    ]
    return DriftReport(len(features), tuple(each for each in found if each is not None))


def _compared(artifact: Artifact, spec: Any, features: pd.DataFrame) -> ModelDrift | None:  # noqa: ANN401 - any kind of spec
    reference: Mapping[str, Mapping[str, Any]] = artifact.details[REFERENCE]
    inputs, outputs = _taken_and_given(artifact, spec, features)
    if not len(inputs):
        return None
    names = list(reference["inputs"])
    moved = [
        # A column that may be left out is missing in all rows then.
        *drift(reference["inputs"], inputs.reindex(columns=names)),
        *drift(reference["outputs"], outputs),
    ]
    return ModelDrift(
        artifact.name,
        artifact.version,
        tuple(sorted(moved, key=lambda each: -each.psi)),
        tuple(reference["outputs"]),
        spec.gates.max_drift,
    )


def _taken_and_given(
    artifact: Artifact,
    spec: Any,  # noqa: ANN401 - any kind of spec
    features: pd.DataFrame,
) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Give inputs and outputs of the rows that a model scores."""
    model = artifact.model
    if isinstance(spec, ChurnSpec | LeadSpec):
        rows = artifact.prepared(features[eligible(spec, features)])
        chance = model.propensity.calibration_.probability(model.margins(rows))
        return model.complete(rows), pd.DataFrame({model.names.probability: chance})
    rows = features[HISTORY].astype("float64")
    return rows, model.predict(rows)[list(FORECASTS)]
