"""Uplift where the truth is simulated, by plain counting, and where nothing is to find."""

import json
import pickle
from typing import NamedTuple

import numpy as np
import pandas as pd
import pytest
import statsmodels.api as sm

from patronage.abtest.differences import effect_spread, effects_differ, slope_of
from patronage.abtest.uplift import Uplift
from patronage.abtest.uplift_curves import evaluate_uplift
from patronage.abtest.uplift_learners import Effects, Trial, scores
from patronage.errors import ReadinessError
from patronage.models.propensity import Propensity
from patronage.models.state import State

BASE = Propensity(learner="logistic", n_folds=2)


def trial(n: int = 3000, effect: float = 0.3, seed: int = 0) -> tuple[pd.DataFrame, ...]:
    """Experiment in which the treatment moves the loyal alone, and value is only noise."""
    rng = np.random.default_rng(seed)
    frame = pd.DataFrame(
        {"loyal": rng.choice(["yes", "no"], n), "age": rng.normal(40, 9, n), "gap": np.nan}
    )
    treated = rng.integers(0, 2, n)
    chance = 0.2 + 0.2 * (frame["age"] > 40) + effect * treated * (frame["loyal"] == "yes")
    return frame, pd.Series(rng.random(n) < chance), pd.Series(treated)


def restored(model: Uplift) -> Uplift:
    """What comes back from JSON text and bytes, nothing else."""
    state = model.to_state()
    text = json.dumps(state.parameters, allow_nan=False)
    return Uplift.from_state(State(json.loads(text), dict(state.files)))


@pytest.mark.parametrize("learner", ["s", "t", "x", "dr"])
def test_every_learner_finds_whom_the_treatment_moves(learner) -> None:
    # One model without products cannot see an interaction, so the S-learner gets trees.
    base = Propensity(learner="xgboost", n_folds=2, n_estimators=60) if learner == "s" else BASE
    model = Uplift(learner=learner, base=base, n_folds=2, n_boot=20).fit(*trial(1500, 0.5))
    probe = pd.DataFrame({"loyal": ["yes", "no"], "age": [40.0, 40.0], "gap": np.nan})
    moved, unmoved = model.predict(probe)
    assert model.heterogeneous_
    assert moved - unmoved > 0.2
    assert model.average_.low < 0.25 < model.average_.high
    assert model.report_.qini.low > 0
    again = restored(model)
    frame = trial(n=200, seed=3)[0]
    np.testing.assert_array_equal(again.predict(frame), model.predict(frame))
    assert again.verdict_ == model.verdict_
    pd.testing.assert_frame_equal(again.report_.deciles, model.report_.deciles)
    assert sorted(state_names(again)) == sorted(state_names(model))


def state_names(model: Uplift) -> list[str]:
    return list(model.to_state().files)


def test_where_nobody_differs_everybody_gets_the_average_and_words_say_so() -> None:
    frame, _, treated = trial(effect=0.0)
    bought = np.random.default_rng(5).random(len(frame)) < 0.2 + 0.1 * treated
    model = Uplift(learner="t", base=BASE, n_folds=2, n_boot=20).fit(frame, bought, treated)
    assert not model.heterogeneous_
    assert model.predict(frame.head(3)).tolist() == [model.average_.effect] * 3
    assert "not shown to differ" in model.verdict_
    assert restored(model).predict(frame.head(2)).tolist() == [model.average_.effect] * 2


def test_amounts_are_learnt_too_and_a_fitted_model_survives_pickling() -> None:
    frame, _, treated = trial(n=1500)
    rng = np.random.default_rng(6)
    spend = rng.gamma(2, 5, len(frame)) + 10 * treated * (frame["loyal"] == "yes")
    model = Uplift(learner="t", n_folds=2, n_boot=20).fit(frame, spend, treated)
    again = pickle.loads(pickle.dumps(model))
    np.testing.assert_array_equal(again.predict(frame), model.predict(frame))
    np.testing.assert_array_equal(restored(model).predict(frame), model.predict(frame))
    loyal = (frame["loyal"] == "yes").to_numpy()
    assert model.predict(frame)[loyal].mean() - model.predict(frame)[~loyal].mean() > 6


def test_without_a_control_group_nothing_is_learnt() -> None:
    frame, bought, treated = trial(n=50)
    with pytest.raises(ReadinessError, match="0 of 50 units are control; what an action changes"):
        Uplift().fit(frame, bought, np.ones(50))
    with pytest.raises(ValueError, match="neither 0 nor 1, first 2"):
        Uplift().fit(frame, bought, treated + 1)
    with pytest.raises(ValueError, match="share: 50 of 50 are not between 0 and 1"):
        Uplift().fit(frame, bought, treated, share=1.0)
    with pytest.raises(ValueError, match="learner='u'; choose from s, t, x, dr"):
        Uplift(learner="u").fit(frame, bought, treated)


def test_qini_is_that_of_a_plain_loop() -> None:
    rng = np.random.default_rng(7)
    outcome, treated = rng.integers(0, 2, 200), rng.integers(0, 2, 200)
    effect = rng.permutation(200).astype(float)
    order = np.argsort(-effect)
    curve = [0.0]
    for k in range(1, 201):
        y, t = outcome[order[:k]], treated[order[:k]]
        n_t, n_c = t.sum(), (1 - t).sum()
        held = (y * (1 - t)).sum() * n_t / n_c if n_c else np.nan
        curve.append(0.0 if n_c == 0 else ((y * t).sum() - held) / treated.sum())
    area = np.trapezoid(curve, dx=1 / 200) - curve[-1] / 2
    found = evaluate_uplift(outcome, treated, effect, n_boot=5)
    assert found.qini.value == pytest.approx(area)
    assert found.curve["qini"].iloc[-1] == pytest.approx(
        outcome[treated == 1].mean() - outcome[treated == 0].mean()
    )


def test_a_ranking_that_ranks_nobody_has_no_qini() -> None:
    _, bought, treated = trial(n=500)
    found = evaluate_uplift(bought, treated, np.zeros(500), n_boot=10)
    assert found.qini.value == pytest.approx(0.0, abs=1e-12)


def test_the_mean_of_scores_is_right_however_wrong_the_models_are() -> None:
    _, bought, treated = trial(n=200_00)
    outcome = bought.to_numpy(dtype=float)
    side = (treated == 1).to_numpy()
    share = np.full(len(side), side.mean())
    wrong = np.full(len(side), 0.9)
    found = scores(Trial(pd.DataFrame(), outcome, side, share), wrong, wrong).mean()
    assert found == pytest.approx(outcome[side].mean() - outcome[~side].mean())


def test_the_test_for_differences_rejects_as_often_as_it_says() -> None:
    rng = np.random.default_rng(8)
    hits = [
        effect_spread(rng.standard_t(4, 500), rng.normal(size=500)).p_value < 0.05
        for _ in range(2000)
    ]
    assert np.mean(hits) == pytest.approx(0.05, abs=0.015)


def test_unequal_shares_are_weighed_back() -> None:
    rng = np.random.default_rng(9)
    n = 40_000
    loyal = rng.integers(0, 2, n)
    share = np.where(loyal == 1, 0.8, 0.2)
    treated = rng.random(n) < share
    bought = rng.random(n) < 0.2 + 0.4 * loyal
    # The loyal buy more and were treated more; treating does nothing.
    found = evaluate_uplift(bought, treated, np.zeros(n), share=share, n_boot=2)
    assert found.curve["qini"].iloc[-1] == pytest.approx(0.0, abs=0.02)


def test_rows_that_repeat_their_group_prove_no_more_than_the_groups_do() -> None:
    _, bought, treated = trial(n=600)
    effect = np.random.default_rng(1).normal(size=600)
    alone = evaluate_uplift(bought, treated, effect, n_boot=100)
    copies = [np.repeat(np.asarray(each, dtype=float), 4) for each in (bought, treated, effect)]
    ids = np.repeat([f"{n:04d}" for n in range(600)], 4)
    together = evaluate_uplift(*copies, groups=ids, n_boot=100)
    apart = evaluate_uplift(*copies, n_boot=100)
    # Ties of copies make no difference to the area, so only the bands can differ.
    assert together.qini.value == pytest.approx(alone.qini.value, abs=0.002)
    widths = [found.qini.high - found.qini.low for found in (alone, together, apart)]
    assert widths[1] == pytest.approx(widths[0], rel=0.25)
    assert widths[2] < 0.7 * widths[1]
    score = np.random.default_rng(2).normal(size=600)
    one = effect_spread(score, effect)
    four = effect_spread(*(np.repeat(each, 4) for each in (score, effect)), groups=ids)
    assert four.high - four.low == pytest.approx(one.high - one.low, rel=1e-9)


def test_one_group_alone_cannot_be_resampled() -> None:
    _, bought, treated = trial(n=20)
    with pytest.raises(ReadinessError, match="all 20 rows belong to one group"):
        evaluate_uplift(bought, treated, np.zeros(20), groups=np.zeros(20))
    with pytest.raises(ValueError, match="groups: 3 ids of 20 rows"):
        evaluate_uplift(bought, treated, np.zeros(20), groups=[1, 2, 3])


class LinearEffects(NamedTuple):
    """Least squares of the outcome's sign of treatment: as quick as a learner gets."""

    beta: np.ndarray

    def predict(self, frame: pd.DataFrame) -> Effects:
        level = np.full(len(frame), 0.0)
        return Effects(frame.to_numpy() @ self.beta, level, level)


def least_squares(part: Trial) -> LinearEffects:
    sign = np.where(part.treated, 2.0, -2.0)
    return LinearEffects(np.linalg.lstsq(part.frame.to_numpy(), sign * part.outcome)[0])


def share_found(effect: float, runs: int) -> float:
    """How often the package finds differences at 5%; the first of twenty columns counts."""
    rng = np.random.default_rng(3)
    found = 0
    for _ in range(runs):
        X = rng.normal(size=(400, 20))
        treated = rng.random(400) < 0.5
        outcome = rng.normal(size=400) + effect * treated * X[:, 0]
        units = Trial(pd.DataFrame(X), outcome, treated, np.full(400, 0.5))
        folds = rng.permutation(np.arange(400) % 5)
        found += effects_differ(units, folds, least_squares).p_value < 0.05
    return found / runs


def test_differences_are_found_as_seldom_as_promised_where_there_are_none() -> None:
    # With predictions from all other folds this finds some in 11% of such trials.
    assert share_found(0.0, 300) == pytest.approx(0.05, abs=0.025)
    assert share_found(0.8, 20) > 0.7


def test_the_statistic_of_a_slope_is_that_of_a_regression() -> None:
    rng = np.random.default_rng(4)
    effect = rng.normal(size=300)
    score = 0.1 * effect + rng.normal(size=300)
    fit = sm.OLS(score, sm.add_constant(effect)).fit(cov_type="HC3")
    slope = slope_of(score, effect, np.arange(300))
    assert slope.value / slope.error == pytest.approx(fit.tvalues[1])
    assert np.isnan(slope_of(score, np.ones(300), np.arange(300)).value)
    # One unit alone that is told apart proves nothing.
    assert effect_spread(score, np.eye(300)[0]).p_value == 1.0
    # Interval and p value say the same, and a constant prediction says nothing.
    found = effect_spread(score, effect, level=1 - 2 * effect_spread(score, effect).p_value)
    assert found.low == pytest.approx(0.0, abs=1e-9)
    assert effect_spread(score, np.ones(300)).p_value == 1.0
