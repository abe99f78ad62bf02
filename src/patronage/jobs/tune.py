"""Search settings of the classifier that forecast later rows best, and train with them."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import mlflow
import numpy as np
import optuna
import pandas as pd
from numpy.typing import NDArray

from patronage.errors import SpecError
from patronage.evaluation.reliability import row_log_loss
from patronage.jobs.classifier import classifier
from patronage.jobs.console import with_progress
from patronage.jobs.propensity import training_set
from patronage.jobs.readiness import readiness_of_rows
from patronage.jobs.train import TrainRun, train_model
from patronage.jobs.training_set import TrainingSet
from patronage.models.crossfit import grouped_folds
from patronage.tracking.propensity_spec import ChurnSpec, LeadSpec
from patronage.tracking.run import tracked_run, use_store
from patronage.tracking.spec import Spec

STUDIES = "optuna.db"
N_FOLDS = 3
PATIENCE = 20
LEAST_GAIN = 1e-4
Mask = NDArray[np.bool_]


@dataclass(frozen=True)
class TuneRun:
    """What a search found, and the model that was trained with it.

    Attributes
    ----------
    trials, pruned
        Trials of the study, earlier runs included, and those of them that were given up.
    plain, best
        Log loss on later rows by the spec's own settings and by the best.
    settings
        The best.
    judged_on
        What the loss was measured on, in words.
    trained
        The run that registered the model.
    """

    trials: int
    pruned: int
    plain: float
    best: float
    settings: dict[str, Any]
    judged_on: str
    trained: TrainRun

    def lines(self) -> list[str]:
        """Say it to the person at the terminal."""
        found = ", ".join(f"{name} {value:.4g}" for name, value in self.settings.items())
        return [
            (
                f"tuned: {self.trials} trials, {self.pruned} pruned, log loss on {self.judged_on} "
                f"{self.plain:.4f} as declared, {self.best:.4f} with {found}"
            ),
            *self.trained.lines(),
        ]


def tune_model(
    spec: Spec, *, n_trials: int, store_folder: Path | None = None, force: bool = False
) -> TuneRun:
    """Search, then train, judge and register with the best settings.

    The search sees the fitting rows alone: it learns from the earlier ones and is judged on the
    later, or on folds of customers where there is no time. It ends early when nothing improves.

    Parameters
    ----------
    n_trials
        Further trials; the study of a spec's name, rows and other settings goes on where it
        stopped.

    Raises
    ------
    SpecError
        If the spec's kind has nothing to tune.
    PatronageError
        As training raises it.
    """
    if not isinstance(spec, ChurnSpec | LeadSpec):
        raise SpecError(f"kind is {spec.kind!r}: there is something to tune in churn and lead.")
    rows = training_set(spec)
    readiness_of_rows(rows, spec).raise_if_refused()
    slices, judged_on = _slices(rows)
    store = use_store(store_folder)
    study = _study(spec, rows, store_folder)
    with tracked_run(f"patronage/{spec.name}", f"tune {spec.name}", {"trials": n_trials}) as run:
        parent = mlflow.MlflowClient().get_run(run).info
        plain = float(np.mean(list(_losses(spec, rows, slices))))
        if not study.trials:
            study.enqueue_trial({name: getattr(spec.model, name) for name in SPACE})
        for _ in with_progress(range(n_trials), "tuning", total=n_trials):
            if _is_stale(study):
                break
            trial = study.ask()
            _run_trial(trial, study, (spec, rows, slices), parent)
        best = study.best_params if study.best_value < plain else {}
        mlflow.log_metrics({"plain_log_loss": plain, "best_log_loss": min(plain, study.best_value)})
        mlflow.log_params({f"best.{name}": value for name, value in best.items()})
        mlflow.log_table(_history(study), "tables/trials.json")
        mlflow.set_tag("store", store)
    tuned = spec.model_copy(update={"model": spec.model.model_copy(update=best)})
    trained = train_model(
        tuned, store_folder=store_folder, force=force, more_tags={"tuned_by_run": run}
    )
    states = [trial.state for trial in study.trials]
    return TuneRun(
        len(states),
        states.count(optuna.trial.TrialState.PRUNED),
        plain,
        min(plain, float(study.best_value)),
        best or {name: getattr(spec.model, name) for name in SPACE},
        judged_on,
        trained,
    )


def _suggest(trial: optuna.Trial) -> dict[str, Any]:
    return {
        "learning_rate": trial.suggest_float("learning_rate", 0.02, 0.3, log=True),
        "max_depth": trial.suggest_int("max_depth", 1, 5),
        "min_child_weight": trial.suggest_float("min_child_weight", 0.5, 50.0, log=True),
        "subsample": trial.suggest_float("subsample", 0.5, 1.0),
        "colsample_bytree": trial.suggest_float("colsample_bytree", 0.3, 1.0),
        "reg_lambda": trial.suggest_float("reg_lambda", 0.1, 30.0, log=True),
    }


SPACE = (
    "learning_rate", "max_depth", "min_child_weight", "subsample", "colsample_bytree", "reg_lambda",
)  # fmt: skip


def _slices(rows: TrainingSet) -> tuple[list[tuple[Mask, Mask]], str]:
    """Pair rows to learn from with rows to judge on, all of them fitting rows."""
    fitting = rows.fitting
    if rows.later is not None:
        later = rows.later & fitting
        return [(fitting & ~later, later)], f"the {int(later.sum()):,} later fitting rows"
    folds = np.full(len(fitting), -1)
    folds[fitting] = grouped_folds(
        rows.label[fitting], rows.units[fitting], n_folds=N_FOLDS, seed=0
    )
    pairs = [(fitting & (folds != fold), folds == fold) for fold in range(N_FOLDS)]
    return pairs, f"{N_FOLDS} folds of the fitting rows"


def _losses(
    spec: ChurnSpec | LeadSpec, rows: TrainingSet, slices: list[tuple[Mask, Mask]]
) -> Iterator[float]:
    """Give the log loss of each slice, as it comes."""
    for learnt, judged in slices:
        table = rows.rows(learnt)
        model = classifier(spec, list(table.columns), rows.brought)
        model.set_params(learner="xgboost", n_folds=N_FOLDS)
        model.fit(table, rows.label[learnt], groups=rows.units[learnt])
        probability = model.predict_proba(rows.rows(judged))[:, 1]
        yield float(row_log_loss(rows.label[judged], probability).mean())


def _run_trial(
    trial: optuna.Trial,
    study: optuna.Study,
    what: tuple[ChurnSpec, TrainingSet, list[tuple[Mask, Mask]]] | Any,  # noqa: ANN401 - either spec
    parent: Any,  # noqa: ANN401 - MLflow's untyped RunInfo
) -> None:
    spec, rows, slices = what
    settings = _suggest(trial)
    tried = spec.model_copy(update={"model": spec.model.model_copy(update=settings)})
    losses: list[float] = []
    client = mlflow.MlflowClient()
    # The name of the parent is a tag: nested=True would take whatever run is active.
    child = client.create_run(
        parent.experiment_id,
        run_name=f"trial {trial.number}",
        tags={"mlflow.parentRunId": parent.run_id},
    )
    for name, value in settings.items():
        client.log_param(child.info.run_id, name, value)
    for step, loss in enumerate(_losses(tried, rows, slices)):
        losses.append(loss)
        trial.report(float(np.mean(losses)), step)
        if trial.should_prune():
            study.tell(trial, state=optuna.trial.TrialState.PRUNED)
            client.set_terminated(child.info.run_id, "KILLED")
            return
    study.tell(trial, float(np.mean(losses)))
    client.log_metric(child.info.run_id, "log_loss", float(np.mean(losses)))
    client.set_terminated(child.info.run_id)


def _study(
    spec: ChurnSpec | LeadSpec, rows: TrainingSet, store_folder: Path | None
) -> optuna.Study:
    """Open the study of this spec on these rows, to go on where an earlier run stopped."""
    optuna.logging.set_verbosity(optuna.logging.WARNING)
    path = (store_folder or Path.cwd()) / STUDIES
    study = optuna.create_study(
        study_name=f"{spec.name}-{_study_key(spec, rows)}",
        storage=f"sqlite:///{path.resolve()}",
        load_if_exists=True,
        pruner=optuna.pruners.MedianPruner(n_startup_trials=5),
    )
    # The draws are not kept: with the same seed a study that goes on would repeat its trials.
    study.sampler = optuna.samplers.TPESampler(seed=spec.model.seed + len(study.trials))
    return study


def _study_key(spec: ChurnSpec | LeadSpec, rows: TrainingSet) -> str:
    """Hash all that a trial's loss hangs on beside the settings that are searched.

    Losses on other rows, or with another column, are of another question.
    """
    kept = ("n_estimators", "monotone", "calibration", "seed")
    told = {name: getattr(spec.model, name) for name in kept} | {"learnt": rows.learnt}
    digest = hashlib.sha256(json.dumps(told).encode())
    units = pd.util.hash_array(np.asarray(rows.units))
    for part in (pd.util.hash_pandas_object(rows.features, index=False).to_numpy(), units):
        digest.update(part.tobytes())
    for mask in (rows.label, rows.fitting, rows.later):
        digest.update(b"" if mask is None else mask.tobytes())
    return digest.hexdigest()[:16]


def _is_stale(study: optuna.Study) -> bool:
    """Say whether the last trials brought nothing worth having."""
    done = [t.value for t in study.trials if t.value is not None]
    if len(done) <= PATIENCE:
        return False
    return min(done[:-PATIENCE]) - min(done[-PATIENCE:]) < LEAST_GAIN


def _history(study: optuna.Study) -> pd.DataFrame:
    found: pd.DataFrame = study.trials_dataframe(attrs=("number", "value", "params", "state"))
    return found.astype({"state": str})
