"""The health score: cases worked by hand, laws, and what its weights learn from planted truth."""

import json
import pickle

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.special import expit
from sklearn.exceptions import NotFittedError
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import roc_auc_score

from patronage.errors import SpecError
from patronage.models.state import State
from patronage.segments.health import HealthScore, backtest_health, band_of

RNG = np.random.default_rng(4)
N = 3_000
X = pd.DataFrame(
    {
        "customer_id": np.arange(N),
        "probability_alive": RNG.uniform(size=N),
        "service_contacts": RNG.poisson(0.4, N).astype(float),
        "satisfaction": RNG.integers(1, 6, N).astype(float),
    }
)
STAYED = RNG.uniform(size=N) < expit(4 * (X["probability_alive"] - 0.5) - X["service_contacts"])


@pytest.fixture(scope="module")
def learnt() -> HealthScore:
    return HealthScore().fit(X, STAYED)


def test_hand_weights_on_ranks_worked_by_hand() -> None:
    table = pd.DataFrame({"satisfaction": [1.0, 3.0, 3.0, 5.0], "churn_probability": [1, 2, 3, 4]})
    health = HealthScore({"satisfaction": 1, "churn_probability": 3}).fit(table)
    ranks = np.array([[1 / 8, 7 / 8], [1 / 2, 5 / 8], [1 / 2, 3 / 8], [7 / 8, 1 / 8]])
    np.testing.assert_allclose(health.health(table), 100 * ranks @ [0.25, 0.75])
    assert health.weights_from_ == "by hand"


def test_learnt_weights_find_what_matters_and_leave_out_what_does_not(learnt: HealthScore) -> None:
    weights = learnt.weights_
    assert sum(weights.values()) == pytest.approx(1.0)
    assert weights["probability_alive"] > 0.5 > weights["service_contacts"] > 0.2
    assert weights["satisfaction"] < 0.1
    assert learnt.weights_from_ == "learnt"


def test_learnt_weights_are_those_of_scikit_learn_where_all_are_positive() -> None:
    two = X[["probability_alive", "service_contacts"]]
    health = HealthScore().fit(two, STAYED)
    ranks = 0.01 * HealthScore({"probability_alive": 1, "service_contacts": 0}).fit(two).health(two)
    other = 0.01 * HealthScore({"probability_alive": 0, "service_contacts": 1}).fit(two).health(two)
    referee = LogisticRegression(C=1.0, tol=1e-8).fit(np.column_stack([ranks, other]), STAYED)
    expected = referee.coef_[0] / referee.coef_[0].sum()
    assert list(health.weights_.values()) == pytest.approx(expected, abs=1e-3)


def test_bounds_of_the_weights_are_those_of_drawing_the_customers_again(
    learnt: HealthScore,
) -> None:
    rng = np.random.default_rng(8)
    again = []
    for _ in range(200):
        rows = rng.integers(N, size=N)
        found = HealthScore().fit(X.iloc[rows], STAYED.iloc[rows])
        again.append([found.weights_[name] for name in learnt.components_])
    expected = np.quantile(again, [0.025, 0.975], axis=0).T
    bounds = np.array([learnt.weight_bounds_[name] for name in learnt.components_])
    np.testing.assert_allclose(bounds, expected, atol=0.02)
    # Satisfaction told nothing: no share of it is sure.
    assert learnt.weight_bounds_["satisfaction"][0] == 0.0


@given(row=st.integers(0, N - 1), better=st.floats(0, 1), fewer=st.integers(0, 3))
@settings(max_examples=25, deadline=None)
def test_better_components_never_lower_the_score(
    learnt: HealthScore, row: int, better: float, fewer: int
) -> None:
    one = X.iloc[[row]]
    improved = one.assign(
        probability_alive=one["probability_alive"] + better,
        service_contacts=one["service_contacts"] - fewer,
    )
    low, high = learnt.health(one)[0], learnt.health(improved)[0]
    assert 0 <= low <= high <= 100


def test_points_of_the_components_sum_to_the_score(learnt: HealthScore) -> None:
    points = learnt.transform(X)
    np.testing.assert_allclose(points.sum(axis=1), learnt.health(X))


def test_a_missing_component_leaves_the_mean_and_all_missing_is_unknown(
    learnt: HealthScore,
) -> None:
    table = X.head(2).copy()
    table["service_contacts"] = [np.nan, np.nan]
    table.loc[1, ["probability_alive", "satisfaction"]] = np.nan
    points = learnt.transform(table)
    assert np.isnan(points["service_contacts"]).all()
    weights = learnt.weights_
    known = weights["probability_alive"] + weights["satisfaction"]
    whole = learnt.transform(X.head(1))[["probability_alive", "satisfaction"]].sum(axis=1) / known
    assert learnt.health(table)[0] == pytest.approx(whole.iloc[0])
    assert np.isnan(learnt.health(table)[1])
    assert learnt.predict(table)[1] == "unknown"


def test_constant_components_score_in_the_middle_and_untelling_ones_count_alike() -> None:
    table = pd.DataFrame({"activity": [3.0] * 6, "satisfaction": [1.0, 2, 3, 1, 2, 3]})
    health = HealthScore().fit(table, [1, 0, 0, 1, 0, 0])
    assert health.weights_from_ == "equal: the components told nothing of the outcome"
    assert health.transform(table)["activity"].tolist() == [25.0] * 6


def test_the_back_test_gives_auc_capture_and_rates_by_band(learnt: HealthScore) -> None:
    score = learnt.health(X)
    score[:5] = np.nan
    result = backtest_health(score, STAYED)
    assert result.n_left_out == 5
    assert result.n == N - 5
    assert result.auc.value == pytest.approx(roc_auc_score(STAYED[5:], score[5:]))
    assert result.auc.low < result.auc.value < result.auc.high
    assert [row.share for row in result.capture] == [0.05, 0.1, 0.2]
    worst = np.argsort(score[5:])[: round(0.2 * (N - 5))]
    left = ~STAYED.to_numpy()[5:]
    assert result.capture[2].capture == pytest.approx(left[worst].sum() / left.sum(), abs=0.002)
    assert result.bands["band"].tolist() == ["healthy", "watch", "at risk"]
    assert result.bands["customers"].sum() == N - 5
    assert result.bands["rate"].is_monotonic_decreasing


def test_bands_begin_at_their_lowest_score_and_may_be_ones_own() -> None:
    assert band_of([100, 50, 49.99, np.nan], {"good": 50, "bad": 0}).tolist() == [
        "good",
        "good",
        "bad",
        "unknown",
    ]
    for bands in ({"good": 50}, {"a": 0, "b": 0}, {"a": 101, "b": 0}, {}):
        with pytest.raises(SpecError, match="give each a lowest score from 0 to 100"):
            band_of([1.0], bands)


def test_a_fitted_score_survives_json_and_pickle(learnt: HealthScore) -> None:
    stored = State(json.loads(json.dumps(learnt.to_state().parameters)), {})
    for other in (HealthScore.from_state(stored), pickle.loads(pickle.dumps(learnt))):
        np.testing.assert_array_equal(other.health(X), learnt.health(X))
        np.testing.assert_array_equal(other.predict(X), learnt.predict(X))


def test_wrong_components_weights_and_outcomes_say_what_to_give() -> None:
    with pytest.raises(SpecError, match="does not know which way 'logins' counts; say directions"):
        HealthScore().fit(X.assign(logins=1), STAYED)
    assert HealthScore(directions={"logins": 1}).fit(X.assign(logins=1), STAYED).n_customers_ == N
    with pytest.raises(SpecError, match="'trend' is no component; give weights of 0 or more"):
        HealthScore({"trend": 1}).fit(X)
    with pytest.raises(SpecError, match="weights is 'equal'; use learnt"):
        HealthScore("equal").fit(X, STAYED)
    with pytest.raises(ValueError, match="got 0 outcomes for 3,000 rows"):
        HealthScore().fit(X)
    with pytest.raises(ValueError, match="got 3,000 outcomes for 3,000 rows"):
        HealthScore().fit(X, np.ones(N))
    with pytest.raises(ValueError, match="got 0 rows and 3 components"):
        HealthScore().fit(X.iloc[:0], [])
    with pytest.raises(ValueError, match=r"stayed holds \[1.0\] for 2 scored customers"):
        backtest_health([1, 2], [1, 1])
    with pytest.raises(ValueError, match=r"health has shape \(2,\), stayed \(1,\)"):
        backtest_health([1, 2], [1])
    with pytest.raises(NotFittedError, match="not fitted yet"):
        HealthScore().health(X)
