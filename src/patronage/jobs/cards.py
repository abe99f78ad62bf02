"""The card of a model: what it is for, what it was made from, how it fared, where it ends."""

from __future__ import annotations

from collections.abc import Sequence

import pandas as pd

from patronage.jobs.classifier import ClassifierHoldout
from patronage.jobs.training_set import TrainingSet
from patronage.models.score_model import ScoreModel
from patronage.tracking.artifact import Artifact

MOST_FEATURES = 10
_USE = {
    "churn": (
        "Ranks customers by the chance that they leave in the window after the day of scoring, so "
        "that offers go first where they may still help. The chance is of leaving, not of being "
        "won back: whom an offer moves is a question for an experiment."
    ),
    "conversion": (
        "Ranks open leads by the chance that they buy in the window after the day of scoring, so "
        "that today's calls go where they pay. A high chance may be one that buys anyway: whom a "
        "call moves is a question for an experiment."
    ),
}
_LIMITS = (
    (
        "Chances hold for customers like those that it learnt from, under the same offers and "
        "prices; flags mark rows unlike them."
    ),
    "Reasons say what moved the model's figure for a row, not what would change the customer.",
    "Do not use it to decide on credit, employment, insurance or anything else with legal weight.",
)


def model_card(artifact: Artifact, holdout: ClassifierHoldout, rows: TrainingSet) -> str:
    """Write the card in Markdown, with the run's own figures."""
    details, model = artifact.details, artifact.model
    parts = [
        f"# {artifact.name}",
        _USE[model.outcome],
        "## What it learnt from",
        _listed(_origins(artifact, model, rows)),
        "## How it fared on rows that it never saw",
        _table(["", ""], [[name, text] for name, text in _figures(holdout).items()]),
        _table(
            ["segment", "rows", "with outcome", "rate", "forecast", "AUC"],
            _segments(holdout.segments),
        ),
        "## What it leans on",
        _table(
            ["feature", "meaning", "share"],
            [
                [str(row.feature), str(row.meaning), f"{row.importance:.0%}"]
                for row in holdout.importance.head(MOST_FEATURES).itertuples()
            ],
        ),
        "## Limits",
        _listed([*_LIMITS, *_moved(holdout), *map(str, details["notes"])]),
    ]
    return "\n\n".join(parts) + "\n"


def _figures(holdout: ClassifierHoldout) -> dict[str, str]:
    found, calibration = holdout.judgement, holdout.judgement.reliability
    figures = {
        "grade": f"{found.grade.letter} ({'; '.join(found.grade.because)})",
        "rows judged, with the outcome": f"{found.n_rows:,}, {found.n_positive:,}",
        "AUC (95%)": f"{found.auc.value:.3f} ({found.auc.low:.3f} to {found.auc.high:.3f})",
        "average precision": f"{found.average_precision:.3f}",
        "log-loss skill, Brier skill": (
            f"{calibration.log_loss_skill:.3f}, {calibration.brier_skill:.3f}"
        ),
        "calibration error (ECE), of which chance explains": (
            f"{calibration.ece:.3f}, {calibration.ece_noise:.3f}"
        ),
        "calibration slope": f"{calibration.slope:.2f}",
        "mean forecast over rate": f"{calibration.mean_over_rate:.3f}",
        "lift of the top 10%": f"{found.lift_top.value:.2f} (possible {found.most_lift:.2f})",
    }
    return figures | {
        f"AUC over {name} (95%)": f"{gain.value:+.3f} ({gain.low:+.3f} to {gain.high:+.3f})"
        + ("" if gain.low > 0 else ": does not surely rank better")
        for name, gain in found.over_baselines.items()
    }


def _origins(artifact: Artifact, model: ScoreModel, rows: TrainingSet) -> list[str]:
    details = artifact.details
    made = [f"data: {rows.source}", f"split: {rows.split}", f"learner: {details['chosen_because']}"]
    if details["horizon_days"]:
        made.append(f"as of {details['as_of']}, window of {details['horizon_days']} days")
    if model.forecaster is not None:
        made.append("purchase forecasts: fitted once, on data to the earliest training cutoff")
    return made


def _moved(holdout: ClassifierHoldout) -> list[str]:
    shift = holdout.shift
    if not shift.moved:
        return []
    return [
        (
            f"The outcome's rate moved from {shift.before:.1%} to {shift.after:.1%} between the "
            "rows learnt from and those judged: take the ranking, not the level."
        )
    ]


def _segments(table: pd.DataFrame) -> list[list[str]]:
    return [
        [
            str(name),
            f"{row['n_rows']:,.0f}",
            f"{row['n_positive']:,.0f}",
            f"{row['rate']:.1%}",
            f"{row['mean_probability']:.1%}",
            "-" if pd.isna(row["auc"]) else f"{row['auc']:.3f}",
        ]
        for name, row in table.iterrows()
    ]


def _listed(lines: Sequence[str]) -> str:
    return "\n".join(f"- {line}" for line in lines)


def _table(head: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    lines = [head, ["---"] * len(head), *rows]
    return "\n".join(f"| {' | '.join(line)} |" for line in lines)
