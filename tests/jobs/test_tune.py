"""The search on a loss whose least is known: it ends early, prunes, resumes; its best counts."""

import sqlite3
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import mlflow
import numpy as np
import pandas as pd
import pytest

from patronage.errors import SpecError
from patronage.jobs import tune
from patronage.jobs.tune import STUDIES, tune_model
from patronage.tracking.registry import load_model
from patronage.tracking.spec import Spec, parse_spec


@pytest.fixture
def spec(workplace: Path) -> Spec:
    """Churn from a small flat table, without time: three folds report one after the other."""
    rng = np.random.default_rng(11)
    silent = rng.integers(0, 100, 600)
    left = np.where(rng.random(600) < silent / 100, "yes", "no")
    pd.DataFrame({"silent": silent, "left": left}).to_csv("flat.csv", index=False)
    content: dict[str, Any] = {
        "name": "churn",
        "kind": "churn",
        "data": {"labelled": {"source": "flat.csv", "label": "left"}},
        "model": {"n_estimators": 20, "learner": "xgboost"},
    }
    return parse_spec(content, source="test")


@pytest.fixture
def known_loss(monkeypatch: pytest.MonkeyPatch) -> list[float]:
    """Make the loss a bowl around a learning rate of .06; give the rates that were tried."""
    tried: list[float] = []

    def losses(spec: Any, *_: object) -> Iterator[float]:
        tried.append(spec.model.learning_rate)
        for _fold in range(3):
            yield 0.4 + abs(np.log(spec.model.learning_rate / 0.06))

    monkeypatch.setattr(tune, "_losses", losses)
    return tried


def test_the_best_settings_go_into_the_registered_model_and_the_log(
    spec: Spec, known_loss: list[float]
) -> None:
    found = tune_model(spec, n_trials=8, force=True)
    # The first is the spec as declared, once to compare with and once as a trial.
    assert known_loss[:2] == [0.1, 0.1]
    best = min(known_loss, key=lambda rate: abs(np.log(rate / 0.06)))
    assert found.settings["learning_rate"] == pytest.approx(best)
    assert found.best < found.plain
    model = load_model("churn@challenger")
    assert model.details["spec"]["model"]["learning_rate"] == pytest.approx(best)
    assert model.model.propensity.learning_rate == pytest.approx(best)
    client = mlflow.MlflowClient()
    version = client.get_model_version_by_alias("churn", "challenger")
    parent = client.get_run(version.tags["tuned_by_run"])
    assert float(parent.data.params["best.learning_rate"]) == pytest.approx(best)
    children = client.search_runs(
        [parent.info.experiment_id], f"tags.mlflow.parentRunId = '{parent.info.run_id}'"
    )
    assert len(children) == found.trials


def test_a_study_goes_on_where_it_stopped(spec: Spec, known_loss: list[float]) -> None:
    first = tune_model(spec, n_trials=3, force=True)
    second = tune_model(spec, n_trials=2, force=True)
    assert (first.trials, second.trials) == (3, 5)
    assert second.best <= first.best
    with sqlite3.connect(STUDIES) as studies:
        assert studies.execute("select count(*) from trials").fetchone() == (5,)
        assert studies.execute("select count(*) from studies").fetchone() == (1,)


def test_a_study_that_goes_on_repeats_no_trial(spec: Spec, known_loss: list[float]) -> None:
    tune_model(spec, n_trials=3, force=True)
    tune_model(spec, n_trials=2, force=True)
    # Each run begins with the spec as declared, and so does the first trial.
    tried = [rate for rate in known_loss if rate != 0.1]
    assert len(tried) == len(set(tried)) == 4


@pytest.mark.parametrize("change", ["drop", "n_estimators", "rows"])
def test_losses_of_another_question_are_not_compared(
    spec: Spec, known_loss: list[float], change: str
) -> None:
    flat = pd.read_csv("flat.csv").assign(other=range(600))
    flat.to_csv("flat.csv", index=False)
    first = tune_model(spec, n_trials=3, force=True)
    content = spec.model_dump(mode="json")
    if change == "drop":
        content["data"]["labelled"]["drop"] = ["other"]
    elif change == "n_estimators":
        content["model"]["n_estimators"] = 10
    else:
        # As many rows, and as many of each kind, as before.
        flat.assign(silent=flat["silent"] + 1).to_csv("flat.csv", index=False)
    second = tune_model(parse_spec(content, source="test"), n_trials=2, force=True)
    assert (first.trials, second.trials) == (3, 2)


def test_a_search_ends_when_nothing_improves(spec: Spec, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(tune, "_losses", lambda *_: iter([0.5, 0.5, 0.5]))
    monkeypatch.setattr(tune, "PATIENCE", 3)
    found = tune_model(spec, n_trials=30, force=True)
    assert found.trials == 4
    # Equal to the spec's own settings: these are kept.
    assert found.settings["learning_rate"] == 0.1


def test_a_hopeless_trial_is_given_up_after_its_first_fold(
    spec: Spec, monkeypatch: pytest.MonkeyPatch
) -> None:
    folds_seen: list[int] = []

    def losses(*_: object) -> Iterator[float]:
        folds_seen.append(0)
        for _fold in range(3):
            folds_seen[-1] += 1
            # The spec's own run, five trials to learn from, then bad ones.
            yield 0.4 if len(folds_seen) <= 6 else 4.0

    monkeypatch.setattr(tune, "_losses", losses)
    found = tune_model(spec, n_trials=8, force=True)
    assert (found.trials, found.pruned) == (8, 3)
    assert folds_seen == [3, 3, 3, 3, 3, 3, 1, 1, 1]
    killed = mlflow.search_runs(
        experiment_names=["patronage/churn"], filter_string="status='KILLED'"
    )
    assert len(killed) == 3


def test_a_model_without_settings_to_search_is_refused() -> None:
    content = {
        "name": "clv",
        "kind": "lifetime_value",
        "data": {"transactions": {"source": "cdnow"}},
        "snapshot": {"as_of": "1997-09-30", "horizon_days": 90},
    }
    with pytest.raises(SpecError, match="there is something to tune in churn and lead"):
        tune_model(parse_spec(content, source="test"), n_trials=1)
