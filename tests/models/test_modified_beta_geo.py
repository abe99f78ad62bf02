"""MBG/NBD against published fits, lifetimes, and what sets it apart from BG/NBD."""

import numpy as np
import pytest
from lifetimes.datasets import load_cdnow_summary

from patronage.models import parents
from patronage.models.modified_beta_geo import ModifiedBetaGeoFitter


@pytest.fixture(scope="module")
def history():
    """2,357 customers, durations in weeks."""
    cdnow = load_cdnow_summary(index_col=[0])
    return cdnow["frequency"], cdnow["recency"], cdnow["T"]


@pytest.fixture(scope="module")
def model(history):
    return ModifiedBetaGeoFitter().fit(*history)


@pytest.fixture(scope="module")
def referee(history):
    return parents.ModifiedBetaGeoFitter().fit(*history)


# BTYDplus and lifetimes' tests.
@pytest.mark.parametrize(
    ("name", "value"), [("r", 0.525), ("alpha", 6.183), ("a", 0.891), ("b", 1.614)]
)
def test_fit_reproduces_published_parameters(model, name, value):
    assert model.params_[name] == pytest.approx(value, abs=1e-3)


def test_log_likelihood_is_that_of_lifetimes_and_near_the_published_one(model, referee):
    # BTYDplus prints -9582.136 from dates; these weeks are rounded to two decimals.
    assert model.log_likelihood_ == pytest.approx(-9582.136, abs=5e-3)
    assert model._negative_log_likelihood_ == pytest.approx(
        referee._negative_log_likelihood_, abs=1e-12
    )


def test_fit_and_errors_are_those_of_lifetimes(model, referee):
    np.testing.assert_allclose(model.params_, referee.params_, rtol=1e-5)
    np.testing.assert_allclose(model.standard_errors_, referee.standard_errors_, rtol=1e-4)


def test_forecasts_are_those_of_lifetimes_at_the_same_parameters(model, referee, history):
    stored = model.to_state()
    stored.parameters["params"] = referee.params_.to_dict()
    same = ModifiedBetaGeoFitter.from_state(stored)
    np.testing.assert_allclose(
        same.predict(39, *history), referee.predict(39, *history), rtol=1e-10
    )
    np.testing.assert_allclose(
        same.conditional_probability_alive(*history),
        referee.conditional_probability_alive(*history),
        rtol=1e-12,
    )
    times = np.array([0.5, 10.0, 200.0])
    np.testing.assert_allclose(
        same.expected_number_of_purchases_up_to_time(times),
        referee.expected_number_of_purchases_up_to_time(times),
        rtol=1e-10,
    )
    for n in range(8):
        assert same.probability_of_n_purchases_up_to_time(20, n) == pytest.approx(
            referee.probability_of_n_purchases_up_to_time(20, n), rel=1e-10
        )


def test_silence_after_the_first_purchase_tells_something(model):
    fresh, stale = model.conditional_probability_alive(0, 0, [1.0, 38.0])
    a, b = model.params_["a"], model.params_["b"]
    assert b / (a + b) > fresh > stale > 0
