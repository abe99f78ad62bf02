"""Fit a classifier on some rows, judge it beside its baselines on others, tell both apart."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from patronage import plots
from patronage.errors import ReadinessError
from patronage.evaluation.discrimination import by_segment, lift_table
from patronage.evaluation.drift import RateShift, rate_shift
from patronage.evaluation.grade import Judgement, against, judge
from patronage.evaluation.profit import profit_curve
from patronage.evaluation.reliability import reliability_curve
from patronage.features.catalogue import directions
from patronage.jobs.training_set import TrainingSet
from patronage.models.propensity import Propensity
from patronage.models.score_model import Outcome, ScoreModel
from patronage.report.picture import Chart
from patronage.tracking.propensity_spec import Boosting, ChurnSpec, LeadSpec

Floats = NDArray[np.float64]
MANY_SHARES = np.linspace(0.01, 1.0, 100)


def outcome_of(spec: ChurnSpec | LeadSpec) -> Outcome:
    """Say which outcome a spec is about."""
    return "churn" if spec.kind == "churn" else "conversion"


def classifier(
    spec: ChurnSpec | LeadSpec, columns: list[str], brought: Collection[str] = ()
) -> Propensity:
    """Make the unfitted classifier that a spec declares, for a table of these columns.

    Columns that the user `brought` may have the name of a feature made here, not its direction.
    """
    settings = {name: getattr(spec.model, name) for name in Boosting.model_fields}
    made = [name for name in columns if name not in brought]
    preset = directions(made, outcome=outcome_of(spec)) if spec.model.monotone else {}
    return Propensity(
        **settings,
        monotone=preset or None,
        calibration=spec.model.calibration,
        learner=spec.model.learner,
        n_jobs=spec.model.n_jobs,
        random_state=spec.model.seed,
    )


def fit_classifier(spec: ChurnSpec | LeadSpec, rows: TrainingSet) -> ScoreModel:
    """Fit on the fitting rows.

    Raises
    ------
    ReadinessError
        If these cannot be learnt from.
    """
    table = rows.rows(rows.fitting)
    later = None if rows.later is None else rows.later[rows.fitting]
    propensity = classifier(spec, list(table.columns), rows.brought)
    try:
        propensity.fit(
            table, rows.label[rows.fitting], groups=rows.units[rows.fitting], later=later
        )
    except ValueError as error:
        raise ReadinessError(f"{rows.source}: {' '.join(str(error).split())}") from None
    return ScoreModel(
        propensity,
        outcome=outcome_of(spec),
        forecaster=rows.forecaster,
        horizon_days=rows.horizon_days,
        reasons=spec.model.reasons,
        top_share=spec.model.top_share,
        language=spec.model.language,
        cuts=spec.model.cuts,
        has_value=rows.has_value,
        brought=rows.brought,
    ).remember(table)


@dataclass(frozen=True)
class ClassifierHoldout:
    """How a classifier fared on rows that it never saw.

    Attributes
    ----------
    judgement
        Figures and grade.
    label, probability : shape (n_rows,), of the judging rows
    segments
        By group of rows, as `by_segment` gives it.
    importance
        By column, with its meaning.
    shift
        Of the outcome's rate from the fitting rows to these; of snapshots, from the latest that
        was learnt from where that differs more.
    """

    judgement: Judgement
    label: Floats
    probability: Floats
    segments: pd.DataFrame
    importance: pd.DataFrame
    shift: RateShift

    def metrics(self) -> dict[str, float]:
        """Numbers by the names that they are logged under; those without a value left out."""
        numbers = self.judgement.metrics() | {"rate_fitted": self.shift.before}
        return {f"holdout_{name.replace(' ', '_')}": number for name, number in numbers.items()}

    def tables(self) -> dict[str, pd.DataFrame]:
        """Tables by the names that they are logged under."""
        baselines = [
            {"baseline": name, "auc_gained": gain.value, "low": gain.low, "high": gain.high}
            for name, gain in self.judgement.over_baselines.items()
        ]
        return {
            "holdout_segments": self.segments.reset_index(),
            "holdout_lift": pd.DataFrame(self.judgement.lifts),
            "holdout_reliability": self._curve(),
            "importance": self.importance,
            "holdout_baselines": pd.DataFrame(
                baselines, columns=["baseline", "auc_gained", "low", "high"]
            ),
        }

    def pictures(self) -> dict[str, Chart]:
        """Draw what the tables say."""
        reached = lift_table(self.label, self.probability, shares=[float(s) for s in MANY_SHARES])
        profit = profit_curve(self.label, self.probability)
        places = np.linspace(0, len(profit.share) - 1, min(500, len(profit.share))).astype(np.intp)
        return {
            "lift": plots.captured(pd.DataFrame(reached), n=len(self.label)),
            "reliability": plots.reliability(self._curve()),
            "profit": plots.profit(
                pd.DataFrame({"share": profit.share[places], "profit": profit.profit[places]}),
                n=len(self.label),
            ),
            "importance": plots.importance(self.importance.head(15)),
        }

    def lines(self) -> list[str]:
        """Say it to the person at the terminal."""
        found, calibration = self.judgement, self.judgement.reliability
        top = found.lifts[1]
        lines = [
            (
                f"judged: {found.n_rows:,} rows, {found.n_positive:,} with the outcome "
                f"({calibration.rate:.1%}); AUC {found.auc.value:.3f} "
                f"({found.auc.low:.3f} to {found.auc.high:.3f}), ECE {calibration.ece:.3f} "
                f"(by chance {calibration.ece_noise:.3f}), mean forecast "
                f"{calibration.mean_over_rate:.2f} of the rate, top {top.share:.0%} hold "
                f"{top.capture:.0%} (lift {top.lift:.2f})"
            )
        ]
        lines += [against(name, gain) for name, gain in found.over_baselines.items()]
        if self.shift.moved:
            lines.append(
                f"the outcome's rate moved from {self.shift.before:.1%} in the fitting rows to "
                f"{self.shift.after:.1%} in the judging ones: forecasts cannot be held to it"
            )
        lines.append(f"grade {found.grade.letter}: {'; '.join(found.grade.because)}")
        return lines

    def _curve(self) -> pd.DataFrame:
        return pd.DataFrame(reliability_curve(self.label, self.probability))


def judge_classifier(model: ScoreModel, rows: TrainingSet) -> ClassifierHoldout:
    """Judge a fitted model on the judging rows.

    Raises
    ------
    ReadinessError
        If these have one class only.
    """
    label, table = rows.label[rows.judging], rows.rows(rows.judging)
    if not 0 < label.sum() < len(label):
        raise ReadinessError(
            f"{rows.source}: {int(label.sum()):,} of {len(label):,} judging rows have the outcome; "
            f"both kinds are needed. Take {rows.remedy}."
        )
    propensity = model.propensity
    probability = propensity.predict_proba(table)[:, 1]
    judgement = judge(
        label,
        probability,
        groups=rows.units[rows.judging],
        baselines=rows.baselines(table),
        n_samples=200,
        seed=0,
    )
    return ClassifierHoldout(
        judgement,
        label,
        probability,
        by_segment(label, probability, rows.segments(rows.features[rows.judging])),
        importance_table(propensity, rows),
        _shift(rows, label),
    )


def _shift(rows: TrainingSet, label: Floats) -> RateShift:
    """Compare the rate with that of the rows learnt from, and of snapshots with the one before.

    Rows that were dealt at random differ by chance: without time no rate has moved.
    """
    befores = [rows.fitting]
    if rows.of_snapshots and rows.later is not None:
        befores.append(rows.later & rows.fitting)
    shifts = [rate_shift(rows.label[before], label) for before in befores if before.any()]
    found = max(shifts, key=lambda shift: abs(shift.ratio - 1))
    return found if rows.in_time else found._replace(moved=False)


def importance_table(propensity: Propensity, rows: TrainingSet) -> pd.DataFrame:
    """List the columns by importance: feature, importance (a share), meaning."""
    found = propensity.feature_importances_.sort_values(ascending=False, kind="stable")
    table = found.rename_axis("feature").reset_index()
    return table.assign(meaning=[rows.described(str(name)).meaning for name in table["feature"]])
