"""Which move of the outcome's rate counts, worked by hand, and what a young shop cannot know."""

from dataclasses import replace

import numpy as np
import pandas as pd
import pytest

from patronage.jobs.classifier import judge_classifier
from patronage.jobs.training_set import TrainingSet, without_age
from patronage.models.propensity import Propensity
from patronage.models.score_model import ScoreModel


@pytest.fixture(scope="module")
def rows() -> TrainingSet:
    """Rates of .50 in an early slice, .70 in a later one (.60 in both) and .58 in the last."""
    label = np.concatenate([np.arange(200) < n for n in (100, 140, 116)]).astype(float)
    part = np.repeat([0, 1, 2], 200)
    rng = np.random.default_rng(0)
    return TrainingSet(
        features=pd.DataFrame({"x": label + rng.normal(0, 1, 600)}),
        label=label,
        units=np.arange(600),
        fitting=part < 2,
        judging=part == 2,
        later=part == 1,
        learnt=("x",),
        split="by hand",
        source="by hand",
        sources=(),
    )


@pytest.fixture(scope="module")
def model(rows: TrainingSet) -> ScoreModel:
    table = rows.rows(rows.fitting)
    fitted = Propensity(learner="logistic", random_state=0).fit(table, rows.label[rows.fitting])
    return ScoreModel(fitted, outcome="churn").remember(table)


def test_two_slices_are_compared_as_they_are(model: ScoreModel, rows: TrainingSet) -> None:
    shift = judge_classifier(model, rows).shift
    assert (shift.before, shift.after, shift.moved) == (0.60, 0.58, False)


def test_snapshots_are_compared_with_the_latest_before_too(
    model: ScoreModel, rows: TrainingSet
) -> None:
    found = judge_classifier(model, replace(rows, of_snapshots=True))
    assert (found.shift.before, found.shift.after, found.shift.moved) == (0.70, 0.58, True)
    assert any("the outcome's rate moved from 70.0%" in line for line in found.lines())
    # The same rates of rows dealt at random are chance.
    dealt = judge_classifier(model, replace(rows, of_snapshots=True, in_time=False))
    assert not dealt.shift.moved


@pytest.mark.parametrize(("history", "kept"), [(364, False), (365, True)])
def test_age_is_learnt_from_once_the_data_go_back_a_year(history: int, *, kept: bool) -> None:
    names, notes = without_age(
        ("recency_days", "age_days"), first_day=100, first_cutoff=100 + history
    )
    assert ("age_days" in names) is kept
    assert bool(notes) is not kept
