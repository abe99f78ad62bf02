"""Fit, judge, log and register the model of a spec."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from patronage.jobs.lifetime_value import fit_lifetime_value
from patronage.jobs.propensity import fit_propensity
from patronage.jobs.segments import fit_segments
from patronage.jobs.trained import Trained
from patronage.jobs.uplift import fit_uplift
from patronage.tracking.registry import register
from patronage.tracking.run import log_results, log_tags, log_texts, tracked_run, use_store
from patronage.tracking.spec import Spec

FIT: dict[str, Callable[[Any], Trained]] = {
    "lifetime_value": fit_lifetime_value,
    "churn": fit_propensity,
    "lead": fit_propensity,
    "segments": fit_segments,
    "uplift": fit_uplift,
}


@dataclass(frozen=True)
class TrainRun:
    """What a training run registered, and how it fared."""

    run_id: str
    store: str
    version: str
    trained: Trained

    def lines(self) -> list[str]:
        """Say it to the person at the terminal."""
        done = self.trained
        name = done.artifact.name
        promotes = done.tags["validation_status"] == "passed"
        following = f"next: patronage promote {name}"
        if not promotes:
            following = "next: a model that passes its gates on a complete window can be promoted"
        return [
            *done.lines,
            f"holdout: {done.tags['validation_status']} ({done.tags['validation_reason']})",
            f"registered: {name} version {self.version} as challenger in {self.store}",
            following,
        ]


def train_model(
    spec: Spec,
    *,
    store_folder: Path | None = None,
    force: bool = False,
    more_tags: Mapping[str, str] | None = None,
) -> TrainRun:
    """Fit to `as_of`, judge on the window after it, register that same fit as challenger.

    Parameters
    ----------
    store_folder
        Where the tracking store goes if MLFLOW_TRACKING_URI does not say.
    force
        Register a model whose grade bars it; the tag grade_forced says so.
    more_tags
        Of the run and the version, such as the run that tuned the spec.

    Raises
    ------
    GateError
        If the model's grade bars it; the run is logged, nothing is registered.
    PatronageError
        If the data break their contract or cannot carry the model; nothing is registered.
    """
    trained = FIT[spec.kind](spec)
    store = use_store(store_folder)
    parameters = spec.model_dump(mode="json")
    with tracked_run(f"patronage/{spec.name}", f"train {spec.name}", parameters) as run_id:
        log_results(
            metrics=trained.metrics,
            tables=trained.tables,
            pictures=trained.pictures,
            documents=trained.documents,
        )
        log_texts(trained.texts)
        forced = {} if trained.barred is None else {"grade_forced": str(force).lower()}
        tags = {**trained.tags, **forced, **(more_tags or {})}
        log_tags(tags)
        if trained.barred is None or force:
            version = register(trained.artifact, trained.example, tags)
    if trained.barred is not None and not force:
        raise trained.barred
    return TrainRun(run_id, store, version, trained)
