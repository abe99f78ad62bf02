"""Lifetime value against hand work, lifetimes, simulated customers, and the laws of money."""

import copy
import json
import pickle

import lifetimes
import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from lifetimes.datasets import load_cdnow_summary_data_with_monetary_value
from sklearn.base import clone
from sklearn.exceptions import ConvergenceWarning, NotFittedError

from patronage.errors import ConvergenceError, DataError, SpecError
from patronage.models.gamma_gamma import TimeUnitWarning
from patronage.models.lifetime_value import (
    VALUE_COLUMNS,
    CorrelationWarning,
    LifetimeValue,
)
from patronage.models.state import State


@pytest.fixture(scope="module")
def cdnow():
    """2,357 customers, durations in weeks."""
    return load_cdnow_summary_data_with_monetary_value()


@pytest.fixture(scope="module")
def model(cdnow):
    return LifetimeValue().fit(cdnow, time_unit="weeks")


@pytest.fixture(scope="module")
def scores(model, cdnow):
    return model.predict(cdnow, time_unit="weeks")


def histories(n=400, seed=1, *, most=8):
    """Customers of a made-up shop, days."""
    rng = np.random.default_rng(seed)
    age = rng.integers(1, 300, n)
    count = np.minimum(rng.poisson(rng.gamma(0.6, 2.0, n)), most)
    recency = np.where(count > 0, np.ceil(age * rng.beta(2, 1, n)), 0)
    mean = np.where(count > 0, rng.gamma(4.0, 6.0, n), 0.0)
    return pd.DataFrame({"frequency": count, "recency": recency, "T": age, "monetary_value": mean})


def test_score_has_the_documented_columns_all_doubles_in_the_same_order(scores, cdnow):
    assert list(scores.columns) == VALUE_COLUMNS
    assert (scores.dtypes == np.float64).all()
    assert scores.index.equals(cdnow.index)
    assert np.isfinite(scores.to_numpy()).all()


def test_recency_is_turned_to_days_since_the_last_purchase(scores):
    # Customer 1: x = 2, t_x = 30.43 and T = 38.86 weeks.
    assert scores.loc[1, "recency_days"] == pytest.approx((38.86 - 30.43) * 7)
    assert scores.loc[1, "age_days"] == pytest.approx(38.86 * 7)


def test_expected_spend_is_the_quickstarts(scores):
    published = [24.658619, 18.911489, 35.170981, 35.170981, 35.170981, 71.462843]
    np.testing.assert_allclose(scores["expected_spend"].head(6), published, atol=1e-3)


def test_expected_purchases_are_hardies(cdnow):
    model = LifetimeValue(horizon_days=39 * 7, purchases="bg_nbd").fit(cdnow, time_unit="weeks")
    first = model.predict(cdnow.head(1), time_unit="weeks")
    assert first.loc[1, "expected_purchases"] == pytest.approx(1.226, abs=1e-3)


def test_correlation_is_the_quickstarts(model):
    assert model.correlation_ == pytest.approx(0.113884, abs=1e-6)


def test_model_with_the_higher_published_likelihood_is_chosen(model, cdnow):
    # -9582.136 against -9582.4256 in weeks.
    assert model.purchases_ == "mbg_nbd"
    other = LifetimeValue(purchases="bg_nbd").fit(cdnow, time_unit="weeks")
    gap = model.purchase_model_.log_likelihood_ - other.purchase_model_.log_likelihood_
    assert gap == pytest.approx(-9582.136 + 9582.4256, abs=5e-3)
    assert model.status_ == other.status_ == "converged"


def test_value_is_lifetimes_own_where_months_and_rates_are_matched(model, cdnow):
    # lifetimes' month is 4.345 weeks and its rate monthly: one step of ours at a time.
    days = 4.345 * 7
    parents = lifetimes.GammaGammaFitter()
    parents.params_ = model.spend_model_.params_
    in_days = [cdnow["frequency"], cdnow["recency"] * 7, cdnow["T"] * 7, cdnow["monetary_value"]]

    class InWeeks:
        def predict(self, t, *history):
            return model.purchase_model_.predict(t * 7, *history)

    theirs = parents.customer_lifetime_value(
        InWeeks(), *in_days, time=3, discount_rate=0.0, freq="W"
    )
    ours = LifetimeValue.from_state(model.to_state())
    ours.annual_discount = 0.0
    scores = ours.predict(cdnow, time_unit="weeks", horizon_days=3 * days)
    np.testing.assert_allclose(scores["lifetime_value"], theirs, rtol=1e-9)


def test_discount_is_yearly_and_paid_at_the_end_of_each_month(model, cdnow):
    one = cdnow.head(1)
    cumulative = [
        model.predict(one, time_unit="weeks", horizon_days=30.4375 * k)["expected_purchases"].iloc[
            0
        ]
        for k in range(1, 13)
    ]
    spend = model.predict(one, time_unit="weeks")["expected_spend"].iloc[0]
    by_hand = sum(
        spend * bought / 1.1 ** (k / 12)
        for k, bought in enumerate(np.diff(cumulative, prepend=0.0), start=1)
    )
    value = model.predict(one, time_unit="weeks")["lifetime_value"].iloc[0]
    assert value == pytest.approx(by_hand, rel=1e-9)


def test_without_discount_value_is_purchases_times_spend(model, cdnow):
    free = LifetimeValue.from_state(model.to_state()).set_params(annual_discount=0.0)
    scores = free.predict(cdnow, time_unit="weeks")
    np.testing.assert_allclose(
        scores["lifetime_value"], scores["expected_purchases"] * scores["expected_spend"]
    )


def test_value_grows_with_the_horizon_and_falls_with_the_discount(model, cdnow, scores):
    longer = model.predict(cdnow, time_unit="weeks", horizon_days=730.5)
    assert (longer["lifetime_value"] > scores["lifetime_value"]).all()
    dear = LifetimeValue.from_state(model.to_state()).set_params(annual_discount=0.3)
    later = dear.predict(cdnow, time_unit="weeks")
    assert (later["lifetime_value"] < scores["lifetime_value"]).all()


def test_margin_scales_value_and_its_interval_only(model, cdnow, scores):
    thin = LifetimeValue.from_state(model.to_state()).set_params(margin=0.25)
    less = thin.predict(cdnow, time_unit="weeks")
    money = ["lifetime_value", "lifetime_value_low", "lifetime_value_high"]
    np.testing.assert_allclose(less[money], scores[money] * 0.25)
    pd.testing.assert_frame_equal(less.drop(columns=money), scores.drop(columns=money))


@pytest.mark.parametrize(("unit", "weeks"), [("days", 7.0), ("months", 7 / 30.4375)])
def test_changing_the_time_unit_leaves_every_forecast_alone(cdnow, scores, unit, weeks):
    other = cdnow.assign(recency=cdnow["recency"] * weeks, T=cdnow["T"] * weeks)
    model = LifetimeValue().fit(other, time_unit=unit)
    np.testing.assert_allclose(model.predict(other, time_unit=unit), scores, rtol=1e-6, atol=1e-9)


def test_changing_the_currency_scales_money_and_nothing_else(cdnow, scores):
    yen = cdnow.assign(monetary_value=cdnow["monetary_value"] * 150)
    other = LifetimeValue().fit(yen, time_unit="weeks").predict(yen, time_unit="weeks")
    money = ["monetary_value", "expected_spend", *VALUE_COLUMNS[-3:]]
    np.testing.assert_allclose(other[money], scores[money] * 150, rtol=1e-6)
    np.testing.assert_allclose(other.drop(columns=money), scores.drop(columns=money), rtol=1e-9)


def test_interval_holds_the_expected_value(scores):
    assert (scores["lifetime_value_low"] >= 0).all()
    assert (scores["lifetime_value_low"] <= scores["lifetime_value"]).all()
    assert (scores["lifetime_value"] <= scores["lifetime_value_high"]).all()


def test_wider_interval_holds_the_narrower(model, cdnow, scores):
    wide = LifetimeValue.from_state(model.to_state()).set_params(interval=0.95)
    wider = wide.predict(cdnow, time_unit="weeks")
    assert (wider["lifetime_value_high"] >= scores["lifetime_value_high"]).all()
    assert (wider["lifetime_value_low"] <= scores["lifetime_value_low"]).all()


@settings(max_examples=30, deadline=None)
@given(
    count=st.integers(0, 10_000),
    age=st.floats(0.0, 5_000),
    part=st.floats(0.0, 1.0),
    mean=st.floats(0.0, 1e7),
    horizon=st.floats(0.1, 10_000),
)
def test_any_history_gets_a_finite_ordered_score(model, count, age, part, mean, horizon):
    one = pd.DataFrame(
        {
            "frequency": [count],
            "recency": [age * part if count else 0.0],
            "T": [age],
            "monetary_value": [mean],
        }
    )
    row = model.predict(one, horizon_days=horizon).iloc[0]
    assert np.isfinite(row).all()
    assert 0 <= row["probability_alive"] <= 1
    assert 0 <= row["lifetime_value_low"] <= row["lifetime_value"] <= row["lifetime_value_high"]


@settings(max_examples=25, deadline=None)
@given(frequency=st.integers(1, 50), recency=st.floats(1, 100), idle=st.floats(0, 300))
def test_silence_lowers_value(model, frequency, recency, idle):
    age = recency + np.array([idle, idle + 30.0])
    two = pd.DataFrame(
        {"frequency": frequency, "recency": recency, "T": age, "monetary_value": 20.0}
    )
    sooner, later = model.predict(two)["lifetime_value"]
    assert later <= sooner


def test_rows_are_scored_one_by_one_as_they_are_together(model, cdnow, scores):
    shuffled = cdnow.sample(300, random_state=2)
    pd.testing.assert_frame_equal(
        model.predict(shuffled, time_unit="weeks"), scores.loc[shuffled.index], rtol=1e-12
    )


def test_many_patterns_in_blocks_are_those_in_one(model, monkeypatch):
    summary = histories(300)
    whole = model.predict(summary)
    monkeypatch.setattr("patronage.models.lifetime_value._CELLS", 100)
    pd.testing.assert_frame_equal(model.predict(summary), whole, rtol=1e-12)


def test_odd_indexes_ids_and_types_come_through(model):
    summary = histories(5).astype({"frequency": "Int64", "T": "int32"})
    summary.insert(0, "customer_id", ["007", "00007", "7", "ü", None])
    summary.index = pd.Index(["b", "a", "a", None, 3], name="row")
    scores = model.predict(summary)
    assert scores.index.equals(summary.index)
    expected = model.predict(summary.reset_index(drop=True).astype({"frequency": int}))
    np.testing.assert_array_equal(scores, expected)


def test_nobody_to_score_gives_an_empty_table_of_doubles(model, cdnow):
    none = model.predict(cdnow.head(0), time_unit="weeks")
    assert list(none.columns) == VALUE_COLUMNS
    assert len(none) == 0
    assert (none.dtypes == np.float64).all()


def test_missing_mean_of_a_one_time_buyer_counts_as_none(model):
    summary = pd.DataFrame(
        {"frequency": [0, 0], "recency": [0, 0], "T": [9, 9], "monetary_value": [np.nan, 0.0]}
    )
    scores = model.predict(summary)
    np.testing.assert_array_equal(scores.iloc[0], scores.iloc[1])
    assert scores["monetary_value"].tolist() == [0.0, 0.0]


def test_one_price_is_a_limit_and_not_a_failure():
    summary = histories()
    summary["monetary_value"] = np.where(summary["frequency"] > 0, 9.99, 0.0)
    with pytest.warns(
        ConvergenceWarning, match=r"spend: constant: every repeat customer spends 9\.99"
    ):
        model = LifetimeValue(horizon_days=90).fit(summary)
    scores = model.predict(summary)
    np.testing.assert_allclose(scores["expected_spend"], 9.99, rtol=1e-6)
    assert np.isfinite(scores.to_numpy()).all()


def test_tail_without_a_mean_still_values_everybody():
    summary = histories()
    rng = np.random.default_rng(3)
    bought = summary["frequency"] > 0
    summary["monetary_value"] = np.where(bought, rng.pareto(0.6, len(summary)) + 1, 0.0)
    with pytest.warns((ConvergenceWarning, CorrelationWarning)):
        model = LifetimeValue(horizon_days=90).fit(summary)
    assert "mean held" in model.status_
    scores = model.predict(summary)
    assert np.isfinite(scores.to_numpy()).all()
    held = summary.loc[bought, "monetary_value"].mean()
    np.testing.assert_allclose(scores.loc[~bought, "expected_spend"], held, rtol=1e-9)


@pytest.mark.parametrize(
    ("columns", "message"),
    [
        ({"frequency": 0, "recency": 0, "monetary_value": 0.0}, "0 of 400 customers bought again"),
        ({"monetary_value": 0.0}, "no customer has frequency and monetary_value above zero"),
        ({"T": 0, "recency": 0}, "T is 0 for 400 of 400 customers"),
    ],
)
def test_data_that_teach_nothing_are_named(columns, message):
    with pytest.raises(ConvergenceError, match=message):
        LifetimeValue().fit(histories().assign(**columns))


def test_one_customer_is_named():
    one = pd.DataFrame({"frequency": [3], "recency": [30], "T": [90], "monetary_value": [20.0]})
    with pytest.raises(ConvergenceError, match="1 customer has frequency"):
        LifetimeValue().fit(one)


def test_no_customer_is_named():
    with pytest.raises(ConvergenceError, match="summary has 0 customers"):
        LifetimeValue().fit(histories().head(0))


def test_spend_that_rises_with_frequency_is_warned_of(cdnow):
    rising = cdnow.assign(monetary_value=cdnow["monetary_value"] * (1 + cdnow["frequency"]))
    with pytest.warns(CorrelationWarning, match=r"correlate at 0\.[3-9]\d among repeat customers"):
        LifetimeValue(horizon_days=90).fit(rising, time_unit="weeks")


def test_weeks_taken_for_days_are_not_silent(cdnow):
    with pytest.warns(TimeUnitWarning, match=r"365\.25, 9\.4 times the longest T, 38\.86 days; if"):
        LifetimeValue().fit(cdnow)


@pytest.mark.parametrize(
    ("setting", "message"),
    [
        ({"horizon_days": 0}, "horizon_days is 0; it must be a number of days above 0"),
        ({"horizon_days": np.inf}, "horizon_days is inf"),
        ({"annual_discount": -1.0}, "annual_discount is -1.0; it is a fraction a year above -1"),
        ({"margin": -0.1}, "margin is -0.1; it is the part of spend that is profit"),
        ({"interval": 80}, "interval is 80; it must lie in"),
        ({"purchases": "pareto"}, "purchases is 'pareto'; choose from auto, bg_nbd, mbg_nbd"),
    ],
)
def test_settings_out_of_range_are_refused(setting, message):
    with pytest.raises(SpecError, match=message):
        LifetimeValue(**setting).fit(histories())


def test_unknown_unit_and_horizon_are_refused_when_predicting(model, cdnow):
    with pytest.raises(SpecError, match="time_unit is 'hours'; choose from days, weeks, months, y"):
        model.predict(cdnow, time_unit="hours")
    with pytest.raises(SpecError, match="horizon_days is -1; it must be"):
        model.predict(cdnow, time_unit="weeks", horizon_days=-1)


def test_missing_column_is_named_with_what_is_there(model):
    with pytest.raises(DataError, match="recency, T not found; it has frequency, monetary_value"):
        model.predict(histories()[["frequency", "monetary_value"]])


def test_missing_frequency_is_refused(model):
    gap = histories().astype(float)
    gap.loc[3, "frequency"] = np.nan
    with pytest.raises(ValueError, match="frequency is missing or infinite for 1 of 400 customers"):
        model.predict(gap)


def test_other_frames_are_refused(model):
    with pytest.raises(TypeError, match="summary is a dict; pass a pandas frame"):
        model.predict({"frequency": [1]})


def test_predicting_before_fitting_says_what_to_call(cdnow):
    with pytest.raises(NotFittedError, match=r"call fit\(summary\) first"):
        LifetimeValue().predict(cdnow)


def test_clone_keeps_settings_and_forgets_the_fit(model):
    fresh = clone(model.set_params(margin=1.0))
    assert fresh.get_params() == model.get_params()
    assert not hasattr(fresh, "spend_model_")


def test_fitted_model_survives_pickling_and_copying(model, cdnow, scores):
    for restored in (pickle.loads(pickle.dumps(model)), copy.deepcopy(model)):
        pd.testing.assert_frame_equal(
            restored.predict(cdnow, time_unit="weeks"), scores, check_exact=True
        )


def test_state_round_trip_through_json_keeps_every_bit(model, cdnow, scores):
    state = model.to_state()
    assert state.files == {}
    text = json.dumps(state.parameters, allow_nan=False)
    restored = LifetimeValue.from_state(State(json.loads(text), {}))
    assert restored.to_state() == state
    assert restored.feature_names_ == ["frequency", "recency", "T", "monetary_value"]
    pd.testing.assert_frame_equal(
        restored.predict(cdnow, time_unit="weeks"), scores, check_exact=True
    )
