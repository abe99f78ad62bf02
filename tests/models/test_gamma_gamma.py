"""Gamma-Gamma against the published CDNOW fit, lifetimes' likelihood, and data at the edges."""

import copy
import json
import pickle
import subprocess
import sys
import warnings

import lifetimes
import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from lifetimes.datasets import load_cdnow_summary_data_with_monetary_value
from sklearn.exceptions import ConvergenceWarning, NotFittedError

from patronage.errors import ConvergenceError
from patronage.models.gamma_gamma import GammaGammaFitter, TimeUnitWarning
from patronage.models.state import State

# Fader and Hardie (2013) print 6.25, 3.74, 15.44; the digits are the exact optimum.
PUBLISHED = {"p": 6.24880249, "q": 3.74458845, "v": 15.44774801}


@pytest.fixture(scope="module")
def cdnow():
    """2,357 customers, durations in weeks; 946 bought again."""
    return load_cdnow_summary_data_with_monetary_value()


@pytest.fixture(scope="module")
def model(cdnow):
    return GammaGammaFitter().fit(cdnow["frequency"], cdnow["monetary_value"])


@pytest.fixture(scope="module")
def purchases(cdnow):
    """A purchase model in weeks, its published parameters set by hand."""
    fitter = lifetimes.BetaGeoFitter()
    fitter.params_ = pd.Series({"r": 0.243, "alpha": 4.414, "a": 0.793, "b": 2.426})
    fitter.data = cdnow
    fitter.predict = fitter.conditional_expected_number_of_purchases_up_to_time
    return fitter


def simulated(n, p, q, v, seed=1, most=8):
    rng = np.random.default_rng(seed)
    count = rng.integers(1, most + 1, n)
    return count, rng.gamma(p * count) / rng.gamma(q, 1 / v, n) / count


@pytest.mark.parametrize(("name", "value"), PUBLISHED.items())
def test_fit_reproduces_published_parameters(model, name, value):
    assert model.params_[name] == pytest.approx(value, rel=1e-5)


def test_fit_reproduces_published_likelihood_and_leaves_one_time_buyers_out(model):
    assert model.log_likelihood_ == pytest.approx(-4055.92324, abs=1e-4)
    assert (model.status_, model.n_customers_, model.n_left_out_) == ("converged", 946, 1411)


def test_first_six_expected_profits_are_the_quickstarts(model, cdnow):
    first = model.conditional_expected_average_profit(cdnow["frequency"], cdnow["monetary_value"])
    published = [24.658619, 18.911489, 35.170981, 35.170981, 35.170981, 71.462843]
    np.testing.assert_allclose(first.head(6), published, atol=1e-3)
    assert first.index.equals(cdnow.index)


def test_standard_errors_are_the_quickstarts_and_covariance_is_symmetric(model):
    # The Quickstart prints 1.189687, .290166, 4.159994.
    np.testing.assert_allclose(model.standard_errors_, [1.189687, 0.290166, 4.159994], rtol=1e-4)
    covariance = model.variance_matrix_.to_numpy()
    np.testing.assert_array_equal(covariance, covariance.T)
    assert np.linalg.eigvalsh(covariance).min() > 0


def test_intervals_hold_the_estimates_and_stay_positive(model):
    intervals = model.confidence_intervals_
    assert (intervals["lower 95% bound"] > 0).all()
    assert (intervals["lower 95% bound"] < model.params_).all()
    assert (model.params_ < intervals["upper 95% bound"]).all()
    assert list(model.summary.columns) == [
        "coef",
        "se(coef)",
        "lower 95% bound",
        "upper 95% bound",
    ]


def test_parameters_are_recovered_from_simulated_customers():
    fitted = GammaGammaFitter().fit(*simulated(40_000, 2.5, 3.2, 20.0))
    away = (fitted.params_ - [2.5, 3.2, 20.0]) / fitted.standard_errors_
    assert away.abs().max() < 3.5


def test_weights_stand_for_repeated_rows():
    count, mean = simulated(200, 3.0, 4.0, 12.0)
    times = np.arange(200) % 3
    weighted = GammaGammaFitter().fit(count, mean, weights=times)
    repeated = GammaGammaFitter().fit(np.repeat(count, times), np.repeat(mean, times))
    np.testing.assert_allclose(weighted.params_, repeated.params_, rtol=1e-7)
    np.testing.assert_allclose(weighted.variance_matrix_, repeated.variance_matrix_, rtol=1e-5)


def test_penalizer_means_what_it_means_in_lifetimes(cdnow):
    repeat = cdnow[cdnow["frequency"] > 0]
    ours = GammaGammaFitter(penalizer_coef=0.001).fit(repeat["frequency"], repeat["monetary_value"])
    parents = lifetimes.GammaGammaFitter(penalizer_coef=0.001).fit(
        repeat["frequency"], repeat["monetary_value"]
    )
    np.testing.assert_allclose(ours.params_, parents.params_, rtol=1e-3)
    assert ours._negative_log_likelihood_ == pytest.approx(parents._negative_log_likelihood_)


def test_start_is_given_in_logarithms_as_in_lifetimes(cdnow, model):
    other = GammaGammaFitter().fit(
        cdnow["frequency"], cdnow["monetary_value"], initial_params=np.log([1.0, 1.5, 30.0])
    )
    np.testing.assert_allclose(other.params_, model.params_, rtol=1e-6)


@settings(max_examples=20, deadline=None)
@given(st.floats(1e-6, 1e9))
def test_another_currency_scales_spend_and_nothing_else(rate):
    count, mean = simulated(300, 3.0, 4.0, 12.0)
    here, there = GammaGammaFitter().fit(count, mean), GammaGammaFitter().fit(count, mean * rate)
    np.testing.assert_allclose(there.params_[["p", "q"]], here.params_[["p", "q"]], rtol=1e-6)
    np.testing.assert_allclose(
        there.conditional_expected_average_profit(),
        here.conditional_expected_average_profit() * rate,
        rtol=1e-6,
    )


@settings(max_examples=50, deadline=None)
@given(count=st.integers(0, 10**7), mean=st.floats(0.0, 1e4))
def test_expectation_lies_between_the_customers_and_the_populations_mean(model, count, mean):
    population = model.conditional_expected_average_profit(0, 0.0)
    expected = model.conditional_expected_average_profit(count, mean)
    low, high = sorted([population, mean if count else population])
    assert low * (1 - 1e-12) <= expected <= high * (1 + 1e-12)


def test_many_purchases_give_the_own_mean_and_none_the_populations(model):
    assert model.conditional_expected_average_profit(10**9, 80.0) == pytest.approx(80.0, rel=1e-6)
    p, q, v = model.params_
    assert model.conditional_expected_average_profit(0, np.nan) == pytest.approx(p * v / (q - 1))


def test_population_mean_is_the_simulated_mean(model):
    p, q, v = model.params_
    rng = np.random.default_rng(4)
    drawn = rng.gamma(p, 1 / rng.gamma(q, 1 / v, 400_000))
    expected = model.conditional_expected_average_profit(0, 0.0)
    assert expected == pytest.approx(drawn.mean(), rel=0.01)


def test_constant_spend_is_named():
    with pytest.raises(ConvergenceError, match=r"all 3 customers spend 9\.99 a purchase"):
        GammaGammaFitter().fit([1, 2, 3], [9.99, (9.99 + 9.99) / 2, (9.99 * 3) / 3])


def test_one_customer_is_named():
    with pytest.raises(ConvergenceError, match=r"1 customer has .* \(2 left out\); spread between"):
        GammaGammaFitter().fit([3, 0, 2], [12.0, 0.0, 0.0])


@pytest.mark.parametrize(("count", "mean"), [([], []), ([0, 0], [0.0, 0.0]), ([2, 1], [0, 0])])
def test_nothing_to_fit_is_named(count, mean):
    with pytest.raises(ConvergenceError, match="no customer has frequency and monetary_value"):
        GammaGammaFitter().fit(count, mean)


def limit(count, mean, message, **options):
    with pytest.warns(ConvergenceWarning, match=message):
        return GammaGammaFitter().fit(count, mean, **options)


def test_customers_alike_are_a_limit_that_predicts_one_mean_for_all():
    # Means closer to each other than purchases of one and the same customer would be.
    count = np.arange(60) % 7 + 1
    mean = 10 + np.where(np.arange(60) % 2 == 0, 1.0, -1.0) / np.sqrt(count)
    fitted = limit(count, mean, r"boundary: q -> infinity \(customers do not differ")
    np.testing.assert_allclose(fitted.conditional_expected_average_profit(), 10.0, rtol=0.05)
    assert np.isfinite(fitted.standard_errors_["p"])
    assert np.isnan(fitted.standard_errors_["q"])


def test_purchases_alike_are_a_limit_that_predicts_the_own_mean():
    rng = np.random.default_rng(8)
    count, mean = rng.integers(3, 9, 400), np.where(rng.random(400) < 0.3, 40.0, 5.0)
    fitted = limit(count, mean, r"boundary: p -> infinity \(the purchases of one customer")
    np.testing.assert_allclose(fitted.conditional_expected_average_profit(), mean, rtol=1e-4)


def test_tail_without_a_mean_is_infinite_and_says_so():
    heavy = limit(*simulated(2_000, 3.0, 0.7, 12.0), r"infinite mean: q = 0\.6")
    assert heavy.conditional_expected_average_profit(0, 0.0) == np.inf
    assert np.isfinite(heavy.conditional_expected_average_profit(1, 10.0))


def test_constrained_tail_holds_the_population_at_the_observed_mean():
    count, mean = simulated(2_000, 3.0, 0.7, 12.0)
    held = limit(count, mean, r"mean held: the free optimum, q = 0\.6", q_constraint=True)
    assert held.params_["q"] > 1
    assert held.conditional_expected_average_profit(0, 0.0) == pytest.approx(mean.mean())
    assert np.isfinite(held.variance_matrix_.to_numpy()).all()


def test_constraint_leaves_a_fit_alone_that_has_a_mean(model, cdnow):
    held = GammaGammaFitter().fit(cdnow["frequency"], cdnow["monetary_value"], q_constraint=True)
    pd.testing.assert_series_equal(held.params_, model.params_)


@pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning")
@pytest.mark.parametrize("sigma", [0.001, 0.5, 3.0, 8.0])
def test_spread_of_any_size_gives_finite_expectations(sigma):
    rng = np.random.default_rng(2)
    mean = np.exp(rng.normal(0.0, sigma, 500))
    fitted = GammaGammaFitter().fit(rng.integers(1, 30, 500), mean, q_constraint=True)
    expected = fitted.conditional_expected_average_profit(
        [0, *fitted.data["frequency"]], [0, *mean]
    )
    assert (np.isfinite(expected) & (expected > 0)).all()


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (([1, np.nan], [2.0, 3.0]), "frequency is missing or infinite for 1 of 2 customers"),
        (([1, 1.5], [2.0, 3.0]), r"frequency is fractional for 1 of 2 customers, first 1\.5"),
        (([1, -2], [2.0, 3.0]), "frequency is negative for 1 of 2 customers, first -2"),
        (([1, 2], [2.0, -3.0]), "monetary_value is negative for 1 of 2 customers, first -3; net"),
        (([1, 2], [2.0, np.inf]), "monetary_value is missing or infinite for 1 of 2 customers"),
        (([1, 2], [2.0, None]), "monetary_value is missing or infinite for 1 of 2 customers"),
        (([1, 2], ["2.0", "x"]), "monetary_value is text for 2 of 2 customers, first '2.0', 'x'"),
        (([1, 2], [2.0]), r"have shapes \(2,\), \(1,\), \(2,\); pass one number a customer"),
        (([1, 2], [2.0, 3.0], [1, -1]), "weights is negative for 1 of 2 customers, first -1"),
    ],
)
def test_arguments_that_cannot_be_are_refused(arguments, message):
    with pytest.raises(ValueError, match=message):
        GammaGammaFitter().fit(*arguments)


def test_missing_mean_of_a_one_time_buyer_is_not_read():
    count, mean = simulated(100, 3.0, 4.0, 12.0)
    fitted = GammaGammaFitter().fit([*count, 0], [*mean, np.nan])
    np.testing.assert_array_equal(fitted.params_, GammaGammaFitter().fit(count, mean).params_)


def test_predicting_before_fitting_says_what_to_call():
    with pytest.raises(NotFittedError, match=r"call fit\(frequency, monetary_value\) first"):
        GammaGammaFitter().conditional_expected_average_profit([1], [2.0])


def test_lifetime_value_is_that_of_lifetimes(model, purchases, cdnow):
    history = [cdnow[c] for c in ["frequency", "recency", "T", "monetary_value"]]
    parents = lifetimes.GammaGammaFitter()
    parents.params_ = model.params_
    options = {"time": 12, "discount_rate": 0.01, "freq": "W"}
    ours = model.customer_lifetime_value(purchases, *history, **options)
    pd.testing.assert_series_equal(
        ours, parents.customer_lifetime_value(purchases, *history, **options), rtol=1e-9
    )


def test_weeks_taken_for_days_are_not_silent(model, purchases, cdnow):
    history = [cdnow[c] for c in ["frequency", "recency", "T", "monetary_value"]]
    with pytest.warns(TimeUnitWarning, match=r"360 days ahead, 9\.3 times the longest T, 38\.86"):
        model.customer_lifetime_value(purchases, *history)


def test_days_given_to_a_model_of_weeks_are_not_silent(model, purchases, cdnow):
    days = [cdnow["frequency"], cdnow["recency"] * 7, cdnow["T"] * 7, cdnow["monetary_value"]]
    with pytest.warns(TimeUnitWarning, match=r"is 272\.02 here and 38\.86 where the purchase"):
        model.customer_lifetime_value(purchases, *days, freq="D")


def test_unknown_unit_is_refused(model, purchases):
    with pytest.raises(ValueError, match="freq is 'Y'; it must be one of H, D, W, M"):
        model.customer_lifetime_value(purchases, [1], [2], [3], [4.0], freq="Y")


def test_fitted_model_survives_pickling_and_copying(model):
    expected = model.conditional_expected_average_profit()
    for restored in (pickle.loads(pickle.dumps(model)), copy.deepcopy(model)):
        np.testing.assert_array_equal(restored.conditional_expected_average_profit(), expected)


def test_saved_model_loads_as_in_lifetimes(model, tmp_path):
    model.save_model(tmp_path / "spend.pkl")
    loaded = GammaGammaFitter()
    loaded.load_model(tmp_path / "spend.pkl")
    pd.testing.assert_frame_equal(loaded.summary, model.summary)


def test_state_round_trip_through_json_keeps_every_bit_and_no_customer(model):
    state = model.to_state()
    assert state.files == {}
    restored = GammaGammaFitter.from_state(State(json.loads(json.dumps(state.parameters)), {}))
    pd.testing.assert_frame_equal(restored.summary, model.summary, check_exact=True)
    assert restored.to_state() == state
    assert restored.conditional_expected_average_profit(
        3, 20.0
    ) == model.conditional_expected_average_profit(3, 20.0)
    with pytest.raises(ValueError, match="frequency is not given, and a stored model holds no"):
        restored.conditional_expected_average_profit()


def test_state_of_a_limit_is_json_without_nan():
    rng = np.random.default_rng(8)
    mean = np.where(rng.random(40) < 0.5, 5.0, 6.0)
    fitted = limit(np.full(40, 3), mean, "boundary: p -> infinity")
    text = json.dumps(fitted.to_state().parameters, allow_nan=False)
    restored = GammaGammaFitter.from_state(State(json.loads(text), {}))
    pd.testing.assert_frame_equal(restored.summary, fitted.summary, check_exact=True)


def test_one_price_for_all_is_what_everybody_is_expected_to_pay():
    constant = GammaGammaFitter.constant(9.99, n_customers=3)
    expected = constant.conditional_expected_average_profit([0, 1, 500], [0.0, 9.99, 9.99])
    np.testing.assert_allclose(expected, 9.99, rtol=1e-9)
    restored = GammaGammaFitter.from_state(constant.to_state())
    assert restored.log_likelihood_ == np.inf


def test_importing_leaves_filters_and_options_alone():
    code = (
        "import warnings, numpy, pandas, scipy.optimize, sklearn.exceptions\n"
        "import autograd.scipy.special, autograd.scipy.stats\n"
        "before = list(warnings.filters)\n"
        "import patronage.models.gamma_gamma\n"
        "assert warnings.filters == before\n"
        "assert pandas.get_option('display.max_rows') == 60\n"
    )
    result = subprocess.run(
        [sys.executable, "-W", "error", "-c", code], capture_output=True, text=True, check=False
    )
    assert (result.returncode, result.stderr) == (0, "")


def test_fitting_leaves_filters_alone():
    before = list(warnings.filters)
    GammaGammaFitter().fit(*simulated(50, 3.0, 4.0, 12.0))
    assert warnings.filters == before
