"""What holds for BG/NBD and MBG/NBD alike: holdout figures, laws, limits, storage, errors."""

import copy
import json
import pickle
from pathlib import Path

import lifetimes
import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from lifetimes.datasets import load_cdnow_summary
from sklearn.exceptions import ConvergenceWarning, NotFittedError

from patronage.errors import ConvergenceError
from patronage.models.beta_geo import BetaGeoFitter
from patronage.models.modified_beta_geo import ModifiedBetaGeoFitter

FITTERS = [BetaGeoFitter, ModifiedBetaGeoFitter]
both = pytest.mark.parametrize("fitter", FITTERS)


@pytest.fixture(scope="module")
def history():
    """2,357 customers, durations in weeks."""
    cdnow = load_cdnow_summary(index_col=[0])
    return cdnow["frequency"], cdnow["recency"], cdnow["T"]


@pytest.fixture(scope="module")
def models(history):
    return {fitter: fitter().fit(*history) for fitter in FITTERS}


@pytest.fixture(scope="module")
def master():
    """All 23,570 customers on 1997-09-30, in weeks, and their purchase days of the next 39."""
    path = Path(lifetimes.__file__).parent / "datasets" / "CDNOW_master.txt"
    orders = pd.read_csv(path, sep=r"\s+", dtype=str)
    orders["date"] = pd.to_datetime(orders["date"], format="%Y%m%d")
    days = orders.drop_duplicates(["customer_id", "date"])
    end = pd.Timestamp("1997-09-30")
    seen = days[days["date"] <= end].groupby("customer_id")["date"].agg(["min", "max", "count"])
    later = days[days["date"] > end].groupby("customer_id").size()
    return pd.DataFrame(
        {
            "frequency": seen["count"] - 1,
            "recency": (seen["max"] - seen["min"]).dt.days / 7,
            "T": (end - seen["min"]).dt.days / 7,
            "bought": later.reindex(seen.index).fillna(0),
        }
    )


# Fit on weeks 1-39, judged on the 19,684 purchase days of weeks 40-78; measured with lifetimes.
MASTER = {
    BetaGeoFitter: ([0.25162, 4.78895, 0.72343, 2.16109], -95368.444, 0.857, 0.8187, 1.7329),
    ModifiedBetaGeoFitter: (
        [0.63714, 7.31029, 0.80747, 1.22839],
        -95336.958,
        0.809,
        0.7945,
        1.7396,
    ),
}


@both
def test_master_file_gives_the_known_parameters_and_holdout_figures(fitter, master):
    params, log_likelihood, ratio, mae, rmse = MASTER[fitter]
    history = master["frequency"], master["recency"], master["T"]
    model = fitter().fit(*history)
    np.testing.assert_allclose(model.params_, params, atol=1e-5)
    assert model.log_likelihood_ == pytest.approx(log_likelihood, abs=2e-3)
    forecast, bought = model.predict(39, *history), master["bought"]
    assert bought.sum() == 19_684
    assert forecast.sum() / bought.sum() == pytest.approx(ratio, abs=1e-3)
    assert (forecast - bought).abs().mean() == pytest.approx(mae, abs=1e-4)
    assert np.sqrt(((forecast - bought) ** 2).mean()) == pytest.approx(rmse, abs=1e-4)


@both
@pytest.mark.parametrize("factor", [7.0, 604_800.0, 1e-6])
def test_changing_the_time_unit_changes_alpha_alone(fitter, models, history, factor):
    x, t_x, age = history
    other = fitter().fit(x, t_x * factor, age * factor)
    expected = models[fitter].params_ * [1, factor, 1, 1]
    np.testing.assert_allclose(other.params_, expected, rtol=1e-6)
    np.testing.assert_allclose(
        other.predict(39 * factor, x, t_x * factor, age * factor),
        models[fitter].predict(39, *history),
        rtol=1e-6,
    )


@both
def test_weighted_patterns_give_the_fit_of_their_customers(fitter, models, history):
    patterns = pd.concat(history, axis=1).value_counts().reset_index()
    weighted = fitter().fit(
        patterns["frequency"], patterns["recency"], patterns["T"], weights=patterns["count"]
    )
    np.testing.assert_allclose(weighted.params_, models[fitter].params_, rtol=1e-9)
    np.testing.assert_allclose(
        weighted.variance_matrix_, models[fitter].variance_matrix_, rtol=1e-6
    )


@both
def test_one_date_gone_wrong_does_not_take_the_fit_along(fitter, models, history):
    x, t_x, age = (values.to_numpy(copy=True) for values in history)
    age[np.flatnonzero(x == 0)[0]] = 1e9
    spoiled = fitter().fit(x, t_x, age)
    assert spoiled.status_ == "converged"
    np.testing.assert_allclose(spoiled.params_, models[fitter].params_, rtol=0.05)


@both
def test_simulated_customers_give_their_parameters_back(fitter, models):
    truth = models[fitter].params_
    drawn = models[fitter].generate_new_data(40_000, T=np.arange(20.0, 120.0), seed=3)
    again = fitter().fit(drawn["frequency"], drawn["recency"], drawn["T"])
    off = (again.params_ - truth) / again.standard_errors_
    assert (off.abs() < 3.5).all()


@settings(max_examples=25, deadline=None)
@given(
    fitter=st.sampled_from(FITTERS),
    x=st.integers(0, 40),
    share=st.floats(0.0, 1.0),
    age=st.floats(0.5, 500),
    t=st.floats(0.0, 150),
)
def test_count_distribution_is_one_and_has_the_forecast_moments(models, fitter, x, share, age, t):
    model, t_x = models[fitter], share * age if x else 0.0
    counts = np.arange(10_000)
    p = np.exp(model.conditional_log_pmf(counts, t, x, t_x, age))
    mean, variance = model.conditional_moments(t, [x], [t_x], [age])
    assert p.sum() == pytest.approx(1, abs=1e-8)
    assert mean[0] == pytest.approx(p @ counts, rel=1e-6, abs=1e-12)
    assert variance[0] == pytest.approx(p @ (counts - mean[0]) ** 2, rel=1e-5, abs=1e-12)
    assert model.predict(t, x, t_x, age) == pytest.approx(mean[0], rel=1e-12)


@both
def test_table_of_horizons_is_the_forecast_at_each(fitter, models, history):
    times = np.array([0.0, 4.0, 52.0, 520.0])
    table = models[fitter].expected_purchases_table(times, *history)
    assert table.shape == (2357, 4)
    for column, t in enumerate(times):
        np.testing.assert_allclose(table[:, column], models[fitter].predict(t, *history))
    own = np.resize(times, 2357)
    np.testing.assert_allclose(
        models[fitter].predict(own, *history), table[np.arange(2357), np.arange(2357) % 4]
    )


@both
def test_log_pmf_is_finite_far_out_and_certain_at_once(fitter, models):
    model = models[fitter]
    assert np.isfinite(model.log_pmf([200, 2_000], [2, 52])).all()
    assert model.log_pmf(0, 0) == pytest.approx(0, abs=1e-12)
    assert model.log_pmf(1, 0) == -np.inf


@both
def test_answer_is_of_the_kind_that_was_asked(fitter, models, history):
    model, x = models[fitter], history[0]
    forecast = model.predict(39, *history)
    assert isinstance(forecast, pd.Series)
    assert forecast.index.equals(x.index)
    assert isinstance(model.predict(39, *(v.to_numpy() for v in history)), np.ndarray)
    assert isinstance(model.predict(39, 2, 30.43, 38.86), float)
    assert model.predict(39, [], [], []).shape == (0,)
    assert model.expected_purchases_table([1, 2], [], [], []).shape == (0, 2)
    assert model.conditional_probability_alive_matrix(0, 3).shape == (4, 1)


@both
@pytest.mark.parametrize(
    "restored",
    [
        lambda model: pickle.loads(pickle.dumps(model)),
        copy.deepcopy,
        lambda model: type(model).from_state(
            model.to_state()._replace(
                parameters=json.loads(json.dumps(model.to_state().parameters, allow_nan=False))
            )
        ),
    ],
    ids=["pickle", "deepcopy", "state"],
)
def test_stored_model_forecasts_the_same_bits(fitter, models, history, restored):
    model, other = models[fitter], restored(models[fitter])
    np.testing.assert_array_equal(other.predict(39, *history), model.predict(39, *history))
    pd.testing.assert_frame_equal(other.summary, model.summary)
    assert (other.status_, other.log_likelihood_) == (model.status_, model.log_likelihood_)


@both
def test_state_of_a_boundary_fit_is_plain_json(fitter):
    with pytest.warns(ConvergenceWarning, match="boundary"):
        model = fitter().fit([3], [20.0], [30.0], unit="days")
    text = json.dumps(model.to_state().parameters, allow_nan=False)
    again = fitter.from_state(model.to_state()._replace(parameters=json.loads(text)))
    assert (again.status_, again.unit_) == (model.status_, "days")
    assert again.standard_errors_.isna().all()


def times_of_last(x, ages, random):
    return np.where(x > 0, ages * random.random(len(x)) ** (1 / np.maximum(x, 1)), 0.0)


def everybody_the_same():
    return np.full(100, 3), np.full(100, 20.0), np.full(100, 30.0)


def nobody_falls_silent():
    x = np.random.default_rng(0).negative_binomial(1, 0.3, 500)
    return x, np.where(x > 0, 30.0, 0.0), np.full(500, 30.0)


def one_rate_for_all():
    random = np.random.default_rng(1)
    ages = random.uniform(20, 52, 800)
    x = np.floor(ages / 10)
    return x, times_of_last(x, ages, random), ages


def heavy_tail():
    random = np.random.default_rng(2)
    x, ages = np.floor(2 * random.pareto(0.6, 800)).clip(0, 1e6), np.full(800, 365.0)
    return x, times_of_last(x, ages, random), ages


@both
@pytest.mark.parametrize(
    ("case", "limit"),
    [
        (lambda: ([3], [20.0], [30.0]), "r, alpha -> infinity, one purchase rate for everybody"),
        (everybody_the_same, "r, alpha -> infinity, one purchase rate for everybody"),
        (nobody_falls_silent, r"a/\(a\+b\) -> 0, NBD without dropout"),
        (one_rate_for_all, "r, alpha -> infinity, one purchase rate for everybody"),
        (heavy_tail, "-> 0"),
    ],
)
def test_data_without_an_optimum_give_a_named_limit_and_finite_forecasts(fitter, case, limit):
    history = [np.asarray(values) for values in case()]
    with pytest.warns(ConvergenceWarning, match=limit):
        model = fitter().fit(*history)
    assert model.status_.startswith("boundary: ")
    assert np.isfinite(model.params_).all()
    assert model.standard_errors_.isna().any()
    assert np.isfinite(model.predict(10, *history)).all()
    assert np.isfinite(model.conditional_moments(10, *history)).all()


@both
@pytest.mark.parametrize(
    ("history", "message"),
    [
        (([], [], []), "0 rows hold 0 customers; pass at least one row"),
        (([1, 2], [1, 1], [2, 2], [0, 0]), "2 rows hold 0 customers"),
        (([0, 0], [0, 0], [5, 9]), "0 of 2 customers bought again, so neither rate nor dropout"),
        (([0], [0], [5]), "0 of 1 customers bought again"),
        (([1, 0], [0, 0], [0, 0]), "T is 0 for 2 of 2 customers; pass the time"),
    ],
)
def test_data_that_say_nothing_are_refused_by_cause(fitter, history, message):
    with pytest.raises(ConvergenceError, match=message):
        fitter().fit(*history)


def test_giving_up_says_what_to_look_at(history):
    with pytest.raises(ConvergenceError, match="no optimum within 2 passes; look for outliers"):
        BetaGeoFitter().fit(*history, maxiter=2)


@both
@pytest.mark.parametrize(
    "call",
    [
        lambda model: model.predict(39, 1, 10, 30),
        lambda model: model.conditional_probability_alive(1, 10, 30),
        lambda model: model.conditional_probability_alive_matrix(),
        lambda model: model.expected_number_of_purchases_up_to_time(3),
        lambda model: model.probability_of_n_purchases_up_to_time(3, 1),
        lambda model: model.expected_purchases_table([1], [1], [1], [2]),
        lambda model: model.conditional_moments(1, [1], [1], [2]),
        lambda model: model.generate_new_data(3),
        lambda model: model.to_state(),
        lambda model: model.summary,
    ],
)
def test_asking_before_fitting_says_what_to_call(fitter, call):
    with pytest.raises(NotFittedError, match=r"call fit\(frequency, recency, T\) first"):
        call(fitter())


def test_forecast_for_customers_of_two_frames_is_refused(models, history):
    x, t_x, age = history
    with pytest.raises(ValueError, match="take the three from one frame"):
        models[BetaGeoFitter].predict(39, x, t_x, age.iloc[::-1])


def test_forecast_into_the_past_is_refused(models):
    with pytest.raises(ValueError, match="t is negative for 1 of 2 customers, first -1"):
        models[BetaGeoFitter].predict([-1, 2], 1, 10, 30)


def test_fraction_of_a_purchase_has_no_probability(models):
    with pytest.raises(ValueError, match=r"n is no count for 1 of 1 customers, first 0\.5"):
        models[BetaGeoFitter].log_pmf(0.5, 10)


def test_unknown_option_is_no_option(history):
    with pytest.raises(TypeError, match=r"unexpected keyword argument 'max_iter'"):
        BetaGeoFitter().fit(*history, max_iter=3)
    assert BetaGeoFitter().fit(*history, maxiter=50, ftol=1e-9).status_ == "converged"


def test_start_is_given_as_in_lifetimes(models, history):
    far = BetaGeoFitter().fit(*history, initial_params=[2.0, 2.0, -2.0, 2.0])
    np.testing.assert_allclose(far.params_, models[BetaGeoFitter].params_, rtol=1e-6)


def test_nothing_is_printed_even_when_asked(history, capsys):
    BetaGeoFitter().fit(*history, verbose=True)
    assert capsys.readouterr() == ("", "")
