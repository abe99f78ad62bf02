"""Holdout measures against the published table of CDNOW master, scikit-learn, and hand work."""

from pathlib import Path

import lifetimes
import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn import metrics

from patronage.evaluation.counts import (
    buying_auc,
    decile_table,
    interval_coverage,
    judge_counts,
    mean_absolute_error,
    mean_baseline,
    rate_baseline,
    repeat_baseline,
    root_mean_squared_error,
    share_in_top,
    total_ratio,
)

MASTER = Path(lifetimes.__file__).parent / "datasets" / "CDNOW_master.txt"
CUTOFF, END = pd.Timestamp("1997-09-30"), pd.Timestamp("1998-06-30")

# Optima of lifetimes 0.11.3 on weeks 1-39; forecasts by lifetimes' own formula.
PARAMETERS = {
    "bg_nbd": (lifetimes.BetaGeoFitter, [0.25162, 4.78895, 0.72343, 2.16109]),
    "mbg_nbd": (lifetimes.ModifiedBetaGeoFitter, [0.63714, 7.31029, 0.80747, 1.22839]),
}
MEASURED = {
    "bg_nbd": (0.857, 0.8187, 1.7329, 0.7630),
    "mbg_nbd": (0.809, 0.7945, 1.7396, 0.7651),
    "rate": (1.474, 1.0381, 2.1582, 0.7538),
}


@pytest.fixture(scope="module")
def cdnow():
    """One row a customer of CDNOW master: history to 1997-09-30 in weeks, then 39 weeks."""
    orders = pd.read_csv(
        MASTER, sep=r"\s+", skiprows=1, names=["customer_id", "date", "n", "value"]
    )
    orders["date"] = pd.to_datetime(orders["date"].astype(str))
    days = orders.groupby(["customer_id", "date"], as_index=False)["value"].sum()
    before, after = days[days["date"] <= CUTOFF], days[days["date"] > CUTOFF]
    dates = before.groupby("customer_id")["date"].agg(["min", "max", "count"])
    table = pd.DataFrame(
        {
            "frequency": dates["count"] - 1,
            "recency": (dates["max"] - dates["min"]).dt.days / 7,
            "T": (CUTOFF - dates["min"]).dt.days / 7,
        }
    )
    table["bought"] = after.groupby("customer_id").size().reindex(table.index, fill_value=0)
    spent = after.groupby("customer_id")["value"].sum()
    table["spent"] = spent.reindex(table.index, fill_value=0.0)
    return table


@pytest.fixture(scope="module")
def report(cdnow):
    forecasts = {"rate": rate_baseline(cdnow["frequency"], cdnow["T"], horizon=39)}
    for name, (fitter, parameters) in PARAMETERS.items():
        model = fitter()
        model.params_ = pd.Series(parameters, index=["r", "alpha", "a", "b"])
        forecasts[name] = model.conditional_expected_number_of_purchases_up_to_time(
            39, cdnow["frequency"], cdnow["recency"], cdnow["T"]
        )
    return judge_counts(forecasts, cdnow["bought"], spend=cdnow["spent"])


@pytest.mark.parametrize("model", MEASURED)
def test_cdnow_master_table_is_reproduced(report, model):
    row = report.measures.loc[model]
    ratio, mae, rmse, auc = MEASURED[model]
    assert row["total_ratio"] == pytest.approx(ratio, abs=6e-4)
    assert row["mae"] == pytest.approx(mae, abs=6e-5)
    assert row["rmse"] == pytest.approx(rmse, abs=6e-5)
    assert row["auc"] == pytest.approx(auc, abs=6e-5)


def test_cdnow_holdout_has_the_published_size(report):
    assert (report.n_customers, report.total_actual) == (23_570, 19_684)


def test_report_has_a_decile_table_a_model_that_adds_up(report, cdnow):
    table = report.deciles["bg_nbd"]
    assert list(table.index) == list(range(1, 11))
    assert table["n"].sum() == len(cdnow)
    assert (table["n"] * table["actual_mean"]).sum() == pytest.approx(cdnow["bought"].sum())
    assert table["predicted_mean"].is_monotonic_decreasing
    assert table["actual_share"].sum() == pytest.approx(1)
    assert (table["actual_low"] <= table["actual_mean"]).all()


def test_top_decile_of_the_report_is_the_first_row_of_the_decile_table(report):
    share = report.measures.loc["bg_nbd", "top_decile_purchases"]
    assert share == pytest.approx(report.deciles["bg_nbd"].loc[1, "actual_share"], abs=2e-3)
    assert 0.3 < report.measures.loc["bg_nbd", "top_decile_spend"] < 0.7


numbers = st.lists(
    st.tuples(st.sampled_from([0.0, 0.5, 1.0, 2.5, 7.0]), st.integers(0, 3)),
    min_size=2,
    max_size=40,
)


@settings(max_examples=50, deadline=None)
@given(numbers)
def test_measures_agree_with_scikit_learn_under_ties(pairs):
    predicted, actual = np.array(pairs).T
    assert mean_absolute_error(predicted, actual).value == pytest.approx(
        metrics.mean_absolute_error(actual, predicted)
    )
    assert root_mean_squared_error(predicted, actual).value == pytest.approx(
        metrics.root_mean_squared_error(actual, predicted)
    )
    if 0 < (actual > 0).sum() < len(actual):
        assert buying_auc(predicted, actual).value == pytest.approx(
            metrics.roc_auc_score(actual > 0, predicted)
        )


@settings(max_examples=50, deadline=None)
@given(numbers, st.randoms(use_true_random=False))
def test_order_of_customers_changes_no_measure(pairs, random):
    shuffled = random.sample(pairs, len(pairs))
    for measure in (total_ratio, buying_auc, share_in_top):
        before, after = measure(*np.array(pairs).T), measure(*np.array(shuffled).T)
        np.testing.assert_allclose(before, after, rtol=1e-12)


def bootstrap_errors(measure, predicted, actual, n=300):
    rng = np.random.default_rng(5)
    draws = []
    for _ in range(n):
        rows = rng.integers(0, len(actual), len(actual))
        draws.append(measure(predicted[rows], actual[rows]).value)
    return np.std(draws)


@pytest.mark.parametrize(
    "measure", [total_ratio, mean_absolute_error, root_mean_squared_error, buying_auc]
)
def test_interval_is_as_wide_as_the_bootstrap_says(measure):
    rng = np.random.default_rng(3)
    predicted = rng.gamma(1.0, 1.0, 800)
    actual = rng.poisson(predicted * rng.gamma(2.0, 0.5, 800))
    estimate = measure(predicted, actual)
    half = (estimate.high - estimate.low) / 2
    assert half == pytest.approx(1.96 * bootstrap_errors(measure, predicted, actual), rel=0.15)


def test_ties_at_the_border_of_the_top_enter_in_part():
    # Top 1 of 4; two customers share the highest forecast and bring 4 and 2 of 10.
    assert share_in_top([5, 5, 1, 1], [4, 2, 3, 1], fraction=0.25) == pytest.approx(0.3)


def test_whole_population_as_top_brings_everything():
    assert share_in_top([1, 2, 3], [4, 0, 2], fraction=1.0) == pytest.approx(1.0)


def test_fewer_customers_than_deciles_gives_a_row_each():
    table = decile_table([3.0, 1.0, 2.0], [2, 0, 1])
    assert table["n"].tolist() == [1, 1, 1]
    assert table["predicted_mean"].tolist() == [3.0, 2.0, 1.0]
    assert table["actual_low"].isna().all()


def test_measures_of_an_empty_holdout_do_not_exist():
    assert np.isnan(total_ratio([], []).value)
    assert np.isnan(mean_absolute_error([], []).value)
    assert np.isnan(buying_auc([], []).value)
    assert len(decile_table([], [])) == 0
    assert np.isnan(interval_coverage([], [], []).value)


def test_measures_without_a_purchase_do_not_exist():
    assert np.isnan(total_ratio([1.0, 2.0], [0, 0]).value)
    assert np.isnan(buying_auc([1.0, 2.0], [0, 0]).value)
    assert np.isnan(share_in_top([1.0, 2.0], [0, 0]))
    assert decile_table([1.0, 2.0], [0, 0])["actual_share"].isna().all()


def test_perfect_forecast_has_no_error():
    assert root_mean_squared_error([1.0, 2.0], [1, 2]) == (0.0, 0.0, 0.0)


def test_coverage_counts_both_borders_and_its_interval_is_wilsons():
    # 9 of 10: Wilson 95% is (.5958, .9821), as any table of it gives.
    low, high, actual = np.zeros(10), np.ones(10), np.array([0, 1, *[0.5] * 7, 2])
    assert interval_coverage(low, high, actual) == pytest.approx((0.9, 0.5958, 0.9821), abs=1e-4)


def test_baselines_by_hand():
    assert repeat_baseline([3, 0]).tolist() == [3.0, 0.0]
    assert mean_baseline([3, 1], [10, 30], horizon=20).tolist() == [2.0, 2.0]
    assert mean_baseline([0], [0], horizon=20).tolist() == [0.0]
    assert rate_baseline([3, 1], [10, 0], horizon=20).tolist() == [6.0, 0.0]


def test_missing_values_are_refused_with_their_place():
    with pytest.raises(
        ValueError, match="2 of 3 values are NaN or infinite, first at position 0, 2"
    ):
        total_ratio([np.nan, 1.0, np.inf], [1, 1, 1])


def test_different_lengths_are_refused():
    with pytest.raises(ValueError, match=r"shapes are \(2,\) and \(3,\); pass one number"):
        buying_auc([1.0, 2.0], [1, 0, 1])


def test_report_without_a_forecast_is_refused():
    with pytest.raises(ValueError, match="predictions is empty; pass at least one forecast"):
        judge_counts({}, [1, 2])


@pytest.mark.parametrize("fraction", [0.0, 1.5])
def test_top_must_be_a_fraction(fraction):
    with pytest.raises(ValueError, match="must lie in"):
        share_in_top([1.0], [1.0], fraction=fraction)


def test_level_must_be_a_probability():
    with pytest.raises(ValueError, match="level is 95; it must lie in"):
        total_ratio([1.0, 2.0], [1, 2], level=95)
