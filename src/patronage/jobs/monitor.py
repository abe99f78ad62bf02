"""Whether what is scored still looks like what the models were fitted on.

Training stores a summary of the columns that a model takes and gives, and no row. Scoring compares
before it scores: a sample of the customers is enough, and tells the same whoever is asked.
"""

from __future__ import annotations

import json
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
        The rows of the fit: of a `ScoreModel` with the forecasts. Its outputs are those of
        rows held out in the fit, so it must be as `fit` left it.

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
            "outputs": profile(model.forecast(some[HISTORY])[list(FORECASTS)]),
        }
    # What the model says of rows that it did not see: only this compares with new ones.
    margins = model.propensity.held_out_margins_[:: -(-len(features) // PROFILED_ROWS)]
    chance = model.propensity.calibration_.probability(margins)
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
        """Columns beyond the limit, or what is worth a warning, and chance; no calendar ones."""
        return tuple(
            each
            for each in self.found
            if each.feature not in ALWAYS_MOVING and each.passes(self.reach)
        )

    @property
    def untold(self) -> tuple[Drift, ...]:
        """Columns of too few rows: chance alone passes the limit; calendar ones left out."""
        return tuple(
            each
            for each in self.found
            if each.feature not in ALWAYS_MOVING
            and each.is_too_small_for(self.reach)
            and not each.passes(self.reach)
        )

    def lines(self) -> list[str]:
        """Say what moved, and of what nothing can be said."""
        few = self.untold
        if not few:
            return [self.line()] if self.moved else []
        rows = f"{few[0].n_now:,} row{'' if few[0].n_now == 1 else 's'}"
        told = (
            f"model {self.model} version {self.version}: too few rows to tell ({rows}) whether "
            f"{len(few)} of {len(self.found)} columns moved by more than {self.reach:g}"
        )
        return [*([self.line()] if self.moved else []), told]

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
        few = {each.feature for each in self.untold}
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
                    "n_before": each.n_before,
                    "n_now": each.n_now,
                    "noise": each.noise,
                    "too_few_rows": each.feature in few,
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
        return [line for each in self.models for line in each.lines()]

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


def watched_before(artifacts: Iterable[Artifact], specs: Iterable[Any], folder: Path) -> bool:
    """Hold scores of an earlier run to the limits of this one, which may be others.

    Parameters
    ----------
    artifacts, specs, folder
        As `watch` takes them.

    Returns
    -------
    Whether that run left its figures, with their noise; without them the rows must be compared
    again.

    Raises
    ------
    DriftError
        If a limit is passed.
    """
    path = folder / DRIFT_FILE
    if not path.is_file():
        return False
    left = json.loads(path.read_bytes())
    if any("noise" not in each for model in left["models"].values() for each in model["columns"]):
        return False
    limits = {
        artifact.name: spec.gates.max_drift
        for artifact, spec in zip(artifacts, specs, strict=True)
        if artifact.name in left["models"]
    }
    models = [_read_back(name, left["models"][name], limit) for name, limit in limits.items()]
    report = DriftReport(int(left["rows"]), tuple(models))
    if report.to_dict() != left:
        write_json(path, report.to_dict())
    report.raise_if_refused()
    return True


def _read_back(name: str, left: Mapping[str, Any], limit: float | None) -> ModelDrift:
    """Undo `ModelDrift.to_dict`, under a limit of now."""
    columns = left["columns"]
    found = [
        Drift(
            feature=each["column"],
            psi=each["psi"],
            ks=np.nan if each["ks"] is None else each["ks"],
            missing_before=each["missing_before"],
            missing_now=each["missing_now"],
            n_before=each["n_before"],
            n_now=each["n_now"],
            noise=each["noise"],
        )
        for each in columns
    ]
    outputs = [each["column"] for each in columns if each["role"] == "output"]
    return ModelDrift(name, left["version"], tuple(found), tuple(outputs), limit)


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
    names, n_compared = list(reference["inputs"]), sum(map(len, reference.values()))
    moved = [
        # A column that may be left out is missing in all rows then.
        *drift(reference["inputs"], inputs.reindex(columns=names), n_compared=n_compared),
        *drift(reference["outputs"], outputs, n_compared=n_compared),
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
    return rows, model.forecast(rows)[list(FORECASTS)]
