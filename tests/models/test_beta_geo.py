"""BG/NBD against the published CDNOW fit, lifetimes, and the laws of its forecasts."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from lifetimes.datasets import load_cdnow_summary

from patronage.models import parents
from patronage.models.beta_geo import BetaGeoFitter


@pytest.fixture(scope="module")
def cdnow():
    """2,357 customers, durations in weeks."""
    return load_cdnow_summary(index_col=[0])


def fitted(history, fitter=BetaGeoFitter):
    return fitter().fit(history["frequency"], history["recency"], history["T"])


@pytest.fixture(scope="module")
def model(cdnow):
    return fitted(cdnow)


@pytest.fixture(scope="module")
def referee(cdnow):
    return fitted(cdnow, parents.BetaGeoFitter)


def with_params(*params):
    """A fitter of these parameters, as it would come out of storage."""
    stored = fitted(load_cdnow_summary(index_col=[0])).to_state()
    stored.parameters["params"] = dict(zip(["r", "alpha", "a", "b"], params, strict=True))
    return BetaGeoFitter.from_state(stored)


# Exact optimum; Fader, Hardie and Lee (2005) print .243 4.414 .793 2.426 and -9582.4.
OPTIMUM = {"r": 0.24259291, "alpha": 4.41353156, "a": 0.79288615, "b": 2.42575344}
# lifetimes' Quickstart.
ERRORS = {"r": 0.012557, "alpha": 0.378221, "a": 0.185719, "b": 0.705345}


@pytest.mark.parametrize(("name", "value"), OPTIMUM.items())
def test_fit_reproduces_the_published_optimum(model, name, value):
    assert model.params_[name] == pytest.approx(value, rel=1e-6)


def test_log_likelihood_is_the_published_one_in_the_unit_of_the_data(model):
    assert model.log_likelihood_ == pytest.approx(-9582.425561, abs=1e-5)


@pytest.mark.parametrize(("name", "value"), ERRORS.items())
def test_standard_errors_are_those_of_the_quickstart(model, name, value):
    assert model.standard_errors_[name] == pytest.approx(value, abs=1e-4)


@pytest.mark.parametrize(("one", "other", "value"), [("r", "alpha", 0.78), ("a", "b", 0.94)])
def test_covariance_is_symmetric_and_correlates_as_the_inverse_hessian(model, one, other, value):
    covariance, errors = model.variance_matrix_, model.standard_errors_
    np.testing.assert_array_equal(covariance, covariance.T)
    correlation = covariance.loc[one, other] / (errors[one] * errors[other])
    assert correlation == pytest.approx(value, abs=0.01)


def test_intervals_are_symmetric_around_the_logarithm(model):
    bounds = model.confidence_intervals_
    middle = np.sqrt(bounds["lower 95% bound"] * bounds["upper 95% bound"])
    np.testing.assert_allclose(middle, model.params_, rtol=1e-12)
    np.testing.assert_allclose(
        np.log(bounds["upper 95% bound"] / model.params_),
        1.96 * model.standard_errors_ / model.params_,
    )


def test_forecast_of_one_customer_is_that_of_hardies_spreadsheet(model):
    assert model.predict(39, 2, 30.43, 38.86) == pytest.approx(1.226, abs=1e-3)


@pytest.mark.parametrize(
    ("t", "value"),
    # 78 weeks: the spreadsheet prints 1.8576 because it stops its series at 150 terms; this is
    # the whole sum in 40-digit arithmetic.
    [(0.1429, 0.0078), (1, 0.0532), (3, 0.1506), (31.8571, 1.0405), (32, 1.0437), (78, 1.85797)],
)
def test_new_customer_buys_as_in_hardies_spreadsheet(model, t, value):
    assert model.expected_number_of_purchases_up_to_time(t) == pytest.approx(value, abs=5e-5)


@pytest.mark.parametrize(("t", "n", "value"), [(2, 10, 1.07869e-07), (39, 0, 0.5737864)])
def test_probabilities_of_counts_are_those_of_the_btyd_vignette(t, n, value):
    published = with_params(0.243, 4.414, 0.793, 2.426)
    assert published.probability_of_n_purchases_up_to_time(t, n) == pytest.approx(value, rel=1e-5)


def test_fit_finds_what_lifetimes_finds(model, referee):
    np.testing.assert_allclose(model.params_, referee.params_, rtol=1e-5)
    assert model._negative_log_likelihood_ == pytest.approx(
        referee._negative_log_likelihood_, abs=1e-12
    )
    np.testing.assert_allclose(model.standard_errors_, referee.standard_errors_, rtol=1e-4)


def test_penalized_fit_finds_what_lifetimes_finds(cdnow):
    arguments = cdnow["frequency"], cdnow["recency"], cdnow["T"]
    ours = BetaGeoFitter(penalizer_coef=0.05).fit(*arguments)
    theirs = parents.BetaGeoFitter(penalizer_coef=0.05).fit(*arguments)
    np.testing.assert_allclose(ours.params_, theirs.params_, rtol=1e-4)
    assert ours._negative_log_likelihood_ == pytest.approx(
        theirs._negative_log_likelihood_, abs=1e-9
    )


def test_forecasts_are_those_of_lifetimes_at_the_same_parameters(referee, cdnow):
    history = cdnow["frequency"], cdnow["recency"], cdnow["T"]
    same = with_params(*referee.params_)
    np.testing.assert_allclose(
        same.predict(39, *history), referee.predict(39, *history), rtol=1e-10
    )
    np.testing.assert_allclose(
        same.conditional_probability_alive(*history),
        referee.conditional_probability_alive(*history),
        rtol=1e-12,
    )
    for n in range(8):
        assert same.probability_of_n_purchases_up_to_time(20, n) == pytest.approx(
            referee.probability_of_n_purchases_up_to_time(20, n), rel=1e-10
        )


def test_customer_without_a_repeat_had_no_chance_to_leave(model):
    assert model.conditional_probability_alive(0, 0, 500).tolist() == [1.0]


@settings(max_examples=40, deadline=None)
@given(
    frequency=st.integers(1, 300),
    recency=st.floats(0.1, 1000),
    idle=st.floats(0, 1000),
    longer=st.floats(0.1, 1000),
)
def test_silence_lowers_probability_alive(model, frequency, recency, idle, longer):
    spans = np.array([recency + idle, recency + idle + longer])
    sooner, later = model.conditional_probability_alive(frequency, recency, spans)
    assert 0 <= later <= sooner <= 1


# Where lifetimes gives NaN or infinity: a+b < 1 without a repeat, a = 1, many purchases.
@pytest.mark.parametrize(
    ("params", "history"),
    [
        ((0.3, 5.0, 0.2, 0.5), (0, 0.0, 10.0)),
        ((0.3, 5.0, 1.0, 2.0), (4, 8.0, 10.0)),
        ((0.3, 5.0, 0.5, 0.5), (0, 0.0, 10.0)),
        ((0.3, 5.0, 0.8, 2.5), (5000, 900.0, 900.0)),
    ],
)
def test_forecast_is_finite_where_lifetimes_is_not(params, history):
    horizons = np.array([0.0, 1e-9, 1.0, 52.0, 1e5])
    forecast = with_params(*params).predict(horizons, *history)
    assert np.isfinite(forecast).all()
    assert forecast[0] == 0
    assert (np.diff(forecast) > 0).all()
