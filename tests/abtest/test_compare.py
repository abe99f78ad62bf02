"""Comparisons against published figures, scipy, statsmodels, and what any comparison obeys."""

import math
import pickle
from pathlib import Path

import numpy as np
import pandas as pd
import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import stats

from patronage.abtest.compare import compare, winsorised
from patronage.abtest.statistics import Aggregate
from patronage.errors import DataError, SpecError

# Cookie Cats, seven-day retention, gate at level 40 and 30: figures of public notebooks.
GATE_40, GATE_30 = {"n": 45489, "sum": 8279}, {"n": 44700, "sum": 8502}
METHODS = ["fixed", "sequential", "bayesian"]


def test_cookie_cats_retention_is_that_of_the_published_notebooks() -> None:
    found = compare(GATE_30, GATE_40)
    assert found.statistic == pytest.approx(-3.1643589, abs=1e-7)
    assert found.p_value == pytest.approx(0.00155425, abs=1e-8)
    ends = (100 * found.effect, 100 * found.low, 100 * found.high)
    assert ends == pytest.approx((-0.82, -1.33, -0.31), abs=0.005)


@pytest.mark.shared_data
def test_cookie_cats_rows_give_what_their_counts_give(shared_data: Path) -> None:
    players = pd.read_csv(shared_data / "cookie_cats" / "cookie_cats.csv.gz")
    arms = dict(list(players.groupby("version")["retention_7"]))
    assert compare(arms["gate_40"], arms["gate_30"]) == compare(GATE_40, GATE_30)


@pytest.mark.shared_data
def test_hillstrom_visit_rates_are_those_of_the_file(shared_data: Path) -> None:
    sent = pd.read_parquet(shared_data / "hillstrom" / "hillstrom.parquet")
    visits = dict(list(sent.groupby("segment")["visit"]))
    found = compare(visits["No E-Mail"], visits["Womens E-Mail"])
    assert (found.control, found.treatment) == pytest.approx((0.10617, 0.15140), abs=5e-6)
    found = compare(visits["No E-Mail"], visits["Mens E-Mail"])
    assert found.treatment == pytest.approx(0.18276, abs=5e-6)


@pytest.fixture(scope="module")
def spend() -> tuple[np.ndarray, np.ndarray]:
    rng = np.random.default_rng(11)
    return rng.lognormal(3.0, 1.0, 400), rng.lognormal(3.1, 1.2, 300)


def test_means_are_compared_as_scipy_does(spend: tuple[np.ndarray, np.ndarray]) -> None:
    theirs = stats.ttest_ind(spend[1], spend[0], equal_var=False)
    found = compare(*spend, metric="mean")
    assert found.p_value == pytest.approx(theirs.pvalue, rel=1e-9)
    ends = theirs.confidence_interval()
    assert (found.low, found.high) == pytest.approx((ends.low, ends.high), rel=1e-9)


def test_sums_give_what_rows_give(spend: tuple[np.ndarray, np.ndarray]) -> None:
    rows = compare(*spend, metric="mean", relative=True)
    sums = compare(*map(Aggregate.of, spend), metric="mean", relative=True)
    for name in ("effect", "low", "high", "p_value", "chance_to_win", "standard_error"):
        assert getattr(sums, name) == pytest.approx(getattr(rows, name), rel=1e-9), name


def test_a_ratio_has_the_variance_of_the_delta_method_written_out() -> None:
    rng = np.random.default_rng(5)
    arms = []
    for n in (500, 700):
        orders = rng.poisson(3, n) + 1.0
        arms.append((orders * rng.gamma(2, 10, n), orders))
    found = compare(*arms, metric="ratio")
    variance = 0.0
    for revenue, orders in arms:
        y, d, n = revenue.mean(), orders.mean(), len(orders)
        covariance = np.cov(revenue, orders)
        variance += (
            covariance[0, 0] / d**2
            - 2 * y / d**3 * covariance[0, 1]
            + y**2 / d**4 * covariance[1, 1]
        ) / n
    assert found.standard_error == pytest.approx(math.sqrt(variance), rel=1e-9)
    assert found.control == pytest.approx(arms[0][0].sum() / arms[0][1].sum())
    as_table = compare(*(np.column_stack(arm) for arm in arms), metric="ratio")
    as_frame = compare(*(pd.DataFrame(np.column_stack(arm)) for arm in arms), metric="ratio")
    assert as_table == found
    assert as_frame == found
    sums = compare(*(Aggregate.of(*arm) for arm in arms), metric="ratio")
    assert (sums.low, sums.p_value) == pytest.approx((found.low, found.p_value), rel=1e-7)


@pytest.mark.parametrize("method", ["fixed", "sequential"])
@pytest.mark.parametrize("relative", [False, True])
@settings(max_examples=25)
@given(
    n=st.tuples(st.integers(50, 4000), st.integers(50, 4000)),
    rates=st.tuples(st.floats(0.05, 0.9), st.floats(0.05, 0.9)),
)
def test_interval_and_p_value_never_disagree(
    method: str, relative: object, n: tuple[int, int], rates: tuple[float, float]
) -> None:
    arms = [{"n": size, "sum": round(size * rate)} for size, rate in zip(n, rates, strict=True)]
    found = compare(*arms, method=method, relative=relative)
    assert (found.low > 0 or found.high < 0) == (found.p_value < 0.05)


@pytest.mark.parametrize("method", METHODS)
@pytest.mark.parametrize("metric", ["proportion", "mean"])
def test_swapping_the_arms_negates_the_effect(method: str, metric: str) -> None:
    arms = (
        {"n": 900, "sum": 90, "sum_of_squares": 90},
        {"n": 700, "sum": 98, "sum_of_squares": 98},
    )
    there = compare(*arms, metric=metric, method=method)
    back = compare(*arms[::-1], metric=metric, method=method)
    assert (back.effect, back.low, back.high) == pytest.approx(
        (-there.effect, -there.high, -there.low), abs=1e-8
    )
    assert back.chance_to_win == pytest.approx(1 - there.chance_to_win, abs=1e-9, nan_ok=True)


@settings(max_examples=25)
@given(scale=st.floats(1e-4, 1e6), seed=st.integers(0, 1000))
def test_money_in_other_units_scales_the_effect_and_leaves_the_rest(
    scale: float, seed: int
) -> None:
    rng = np.random.default_rng(seed)
    arms = rng.exponential(10, 50), rng.exponential(12, 60)
    plain = compare(*arms, metric="mean")
    scaled = compare(*(arm * scale for arm in arms), metric="mean")
    assert (scaled.effect / scale, scaled.low / scale) == pytest.approx((plain.effect, plain.low))
    assert scaled.p_value == pytest.approx(plain.p_value, rel=1e-6)
    lift = compare(*(arm * scale for arm in arms), metric="mean", relative=True)
    assert lift.high == pytest.approx(compare(*arms, metric="mean", relative=True).high)


def test_a_large_level_does_not_drown_a_small_spread() -> None:
    rng = np.random.default_rng(2)
    arms = rng.integers(0, 5, 100), rng.integers(0, 5, 100)
    near = compare(*arms, metric="mean")
    far = compare(*(arm + 1_000_000_000 for arm in arms), metric="mean")
    assert far.p_value == pytest.approx(near.p_value, rel=1e-5)
    whole = [
        {"n": 100, "sum": int(x.sum()), "sum_of_squares": sum(int(v) ** 2 for v in x)}
        for x in (arm + 1_000_000_000 for arm in arms)
    ]
    exact = compare(*whole, metric="mean").standard_error
    assert exact == pytest.approx(near.standard_error, rel=1e-12)


@pytest.mark.parametrize("method", METHODS)
@pytest.mark.parametrize("relative", [False, True])
@pytest.mark.parametrize(
    ("control", "treatment"),
    [
        ((0, 50), (0, 60)),
        ((50, 50), (60, 60)),
        ((0, 1), (1, 1)),
        ((1, 1), (0, 1)),
        ((0, 5), (5, 5)),
    ],
)
def test_rates_at_their_edges_have_finite_figures(
    method: str, relative: object, control: tuple[int, int], treatment: tuple[int, int]
) -> None:
    arms = [{"n": n, "sum": x} for x, n in (control, treatment)]
    found = compare(*arms, method=method, relative=relative)
    undefined = relative and control[0] == 0 and method != "bayesian"
    for value in (found.effect, found.low, found.high):
        assert math.isnan(value) == undefined
    assert not math.isinf(found.low + found.high) or undefined
    if method == "fixed":
        assert 0 < found.p_value <= 1
        assert 0 < found.chance_to_win < 1


@pytest.mark.parametrize("method", METHODS)
@pytest.mark.parametrize(
    "arms",
    [([1.0], [2.0]), ([1.0], [2.0, 3.0]), ([0.0, 0.0], [0.0, 0.0]), ([1.0, 1.0], [2.0, 2.0])],
)
def test_means_without_a_variance_have_an_effect_and_no_interval(
    method: str, arms: tuple[list[float], list[float]]
) -> None:
    found = compare(*arms, metric="mean", method=method)
    assert found.effect == pytest.approx(np.mean(arms[1]) - np.mean(arms[0]))
    for value in (found.low, found.high, found.p_value, found.chance_to_win):
        assert math.isnan(value)


def test_sums_of_a_ratio_with_a_covariate_are_not_taken_as_if_it_had_none() -> None:
    sums = Aggregate.of([1.0, 3.0], [1.0, 2.0], [5.0, 6.0])
    with pytest.raises(SpecError, match="control: CUPED of a ratio needs products that sums"):
        compare(sums, sums, metric="ratio", covariates=True)


def test_text_among_numbers_is_counted_and_shown() -> None:
    with pytest.raises(DataError, match="control: 1 of 3 values are no numbers, first 'n/a'"):
        compare(pd.Series(["1", "n/a", None]), [1.0, 2.0], metric="mean")


def test_a_ratio_without_denominators_is_nan() -> None:
    arm = (np.array([1.0, 2.0]), np.array([0.0, 0.0]))
    found = compare(arm, arm, metric="ratio")
    assert math.isnan(found.effect)
    assert math.isnan(found.p_value)


def test_identical_arms_show_nothing() -> None:
    arm = [1.0, 2.0, 4.0]
    found = compare(arm, arm, metric="mean")
    assert (found.effect, found.p_value, found.chance_to_win) == (0.0, 1.0, 0.5)


@pytest.mark.parametrize(
    "make",
    [
        list,
        np.array,
        pd.Series,
        pl.Series,
        lambda values: np.array(values, dtype=bool),
        lambda values: pd.array(values, dtype="Int64"),
        lambda values: pd.Series(values, dtype=object),
    ],
)
def test_rows_may_come_in_any_array(make: object) -> None:
    found = compare(make([0, 1, 0, 0]), make([1, 1, 0, 1]))
    assert (found.n_control, found.effect) == (4, 0.5)


@pytest.mark.parametrize(
    ("arms", "options", "error", "message"),
    [
        (([0, None, 1], [0, 1]), {}, DataError, r"control: 1 of 3 values are missing or infinite"),
        (([0, 1], [0, 2]), {}, DataError, r"treatment: 1 of 2 values are neither 0 nor 1, first 2"),
        ((["0", "1"], [0, 1]), {}, DataError, r"control: the values are no numbers"),
        (([], [0, 1]), {}, DataError, r"control: 0 units; an effect needs at least one"),
        (([0, 1], {"n": 2, "sum": 1}), {}, SpecError, r"one arm is sums and the other rows"),
        (({"n": 2, "sum": 3}, {"n": 2, "sum": 1}), {}, DataError, r"control: 3 conversions of 2 u"),
        (({"n": 2}, {"n": 2, "sum": 1}), {}, SpecError, r"control: an aggregate needs n and sum"),
        (
            ({"n": 2, "sum": 1}, {"n": 2, "sum": 1}),
            {"metric": "mean"},
            SpecError,
            r"control: a mean needs sum_of_squares; pass those sums",
        ),
        (
            ({"n": 2, "sum": 4, "sum_of_squares": 2}, {"n": 2, "sum": 1, "sum_of_squares": 1}),
            {"metric": "mean"},
            DataError,
            r"control: a sum of squares of 2 is too small for 2 units that sum to 4",
        ),
        (([0, 1], [0, 1]), {"metric": "rate"}, SpecError, r"metric is 'rate'; choose from propor"),
        (([0, 1], [0, 1]), {"method": "exact"}, SpecError, r"method is 'exact'; choose from fixed"),
        (([0, 1], [0, 1]), {"alpha": 5}, SpecError, r"alpha is 5; pass a number between 0 and 1"),
        (([0, 1], [0, 1]), {"prior": (1, 1)}, SpecError, r"prior goes with method='bayesian'"),
        (([0, 1], [0, 1]), {"metric": "ratio"}, SpecError, r"control: a ratio needs the pair"),
        (([0, 1], [0, 1]), {"winsorise": 0.9}, SpecError, r"winsorise is 0.9 for a proportion"),
        (([0, 1], [0, 1]), {"covariates": True}, SpecError, r"covariates=True goes with sums"),
    ],
)
def test_what_cannot_be_compared_is_refused_with_the_remedy(
    arms: tuple[object, object],
    options: dict[str, object],
    error: type[Exception],
    message: str,
) -> None:
    with pytest.raises(error, match=message):
        compare(*arms, **options)


def test_winsorising_caps_both_arms_at_the_same_pooled_quantile() -> None:
    control, treatment = np.arange(100.0), np.append(np.arange(99.0), 1e6)
    low, high = np.quantile(np.concatenate([control, treatment]), [0.02, 0.98])
    found = compare(control, treatment, metric="mean", winsorise=0.98)
    capped = [np.clip(arm, low, high) for arm in (control, treatment)]
    assert found.effect == pytest.approx(capped[1].mean() - capped[0].mean())
    assert found.clipped == sum(
        int((arm != cap).sum()) for arm, cap in zip((control, treatment), capped, strict=True)
    )
    assert winsorised([[control]], "mean", None)[1] == 0


def test_chance_and_loss_turn_round_where_low_is_good() -> None:
    arms = {"n": 1000, "sum": 100}, {"n": 1000, "sum": 130}
    high = compare(*arms, method="bayesian")
    low = compare(*arms, method="bayesian", higher_is_better=False)
    assert low.chance_to_win == pytest.approx(1 - high.chance_to_win)
    assert low.expected_loss - high.expected_loss == pytest.approx(high.effect)


def test_a_labelled_series_is_an_aggregate_and_results_survive_pickling() -> None:
    table = pd.DataFrame([GATE_40, GATE_30], index=["gate_40", "gate_30"])
    found = compare(table.loc["gate_40"], table.loc["gate_30"])
    assert found == compare(GATE_40, GATE_30)
    assert str(pickle.loads(pickle.dumps(found))) == str(found)


def test_five_percent_tests_reject_about_five_percent_under_no_effect() -> None:
    """Three binomial deviations of 1,500 experiments; the study has 20,000."""
    rng = np.random.default_rng(8)
    control, treatment = rng.binomial(1500, 0.1, 1500), rng.binomial(2500, 0.1, 1500)
    rejected = [
        compare({"n": 1500, "sum": x}, {"n": 2500, "sum": y}).p_value < 0.05
        for x, y in zip(control.tolist(), treatment.tolist(), strict=True)
    ]
    assert np.mean(rejected) == pytest.approx(0.05, abs=3 * math.sqrt(0.05 * 0.95 / 1500))
