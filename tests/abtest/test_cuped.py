"""CUPED against a regression, on new users, and where there is nothing to adjust by."""

import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from statsmodels.regression.linear_model import OLS

from patronage.abtest.compare import compare
from patronage.abtest.statistics import Aggregate

Arms = tuple[tuple[np.ndarray, np.ndarray], tuple[np.ndarray, np.ndarray]]


def arms_with_past(seed: int, n: int = 400, effect: float = 1.0, known: float = 1.0) -> Arms:
    """Outcome and past of control and treatment; a share of pasts is unknown."""
    rng = np.random.default_rng(seed)
    arms = []
    for shift in (0.0, effect):
        past = rng.gamma(2.0, 5.0, n)
        outcome = past + rng.normal(shift, 4.0, n)
        arms.append((outcome, np.where(rng.random(n) < known, past, np.nan)))
    return arms[0], arms[1]


def test_effect_is_that_of_a_regression_on_arm_and_past() -> None:
    (y0, x0), (y1, x1) = arms_with_past(1, n=5000)
    found = compare(y0, y1, metric="mean", covariates=(x0, x1))
    arm = np.repeat([0.0, 1.0], 5000)
    design = np.column_stack([np.ones(10000), arm, np.concatenate([x0, x1])])
    theirs = OLS(np.concatenate([y0, y1]), design).fit()
    assert found.effect == pytest.approx(theirs.params[1], rel=1e-9)
    assert found.standard_error == pytest.approx(theirs.bse[1], rel=1e-3)
    correlation = np.corrcoef(np.concatenate([y0, y1]), np.concatenate([x0, x1]))[0, 1]
    assert found.variance_reduction == pytest.approx(correlation**2, abs=0.01)


def test_new_users_are_a_group_of_their_own_in_the_regression() -> None:
    (y0, x0), (y1, x1) = arms_with_past(2, n=2000, known=0.7)
    found = compare(y0, y1, metric="mean", covariates=(x0, x1))
    past = np.concatenate([x0, x1])
    new = np.isnan(past)
    design = np.column_stack(
        [np.ones(4000), np.repeat([0.0, 1.0], 2000), np.where(new, 0.0, past), new]
    )
    theirs = OLS(np.concatenate([y0, y1]), design).fit()
    assert found.effect == pytest.approx(theirs.params[1], rel=1e-9)
    assert 0.2 < found.variance_reduction < 0.7


@settings(max_examples=25)
@given(scale=st.floats(1e-6, 1e6), shift=st.floats(-1e3, 1e3), seed=st.integers(0, 100))
def test_units_and_origin_of_the_past_do_not_matter(scale: float, shift: float, seed: int) -> None:
    (y0, x0), (y1, x1) = arms_with_past(seed, n=60)
    plain = compare(y0, y1, metric="mean", covariates=(x0, x1))
    moved = compare(
        y0, y1, metric="mean", covariates=(x0 * scale + shift * scale, x1 * scale + shift * scale)
    )
    assert moved.effect == pytest.approx(plain.effect, rel=1e-6, abs=1e-9)
    assert moved.high == pytest.approx(plain.high, rel=1e-6, abs=1e-9)


@pytest.mark.parametrize("value", [3.0, 0.1, 1e9 / 7, math.nan])
@pytest.mark.parametrize("metric", ["mean", "proportion"])
def test_a_past_that_says_nothing_falls_back_to_the_plain_comparison(
    value: float, metric: str
) -> None:
    rng = np.random.default_rng(7)
    arms = rng.integers(0, 2, 50), rng.integers(0, 2, 60)
    covariates = (np.full(50, value), np.full(60, value))
    found = compare(*arms, metric=metric, covariates=covariates)
    plain = compare(*arms, metric=metric)
    assert (found.effect, found.low, found.p_value) == pytest.approx(
        (plain.effect, plain.low, plain.p_value), rel=1e-12
    )
    assert found.variance_reduction == 0.0


def test_sums_with_their_covariate_give_what_rows_give() -> None:
    (y0, x0), (y1, x1) = arms_with_past(3)
    rows = compare(y0, y1, metric="mean", covariates=(x0, x1), relative=True)
    sums = compare(
        Aggregate.of(y0, covariates=x0),
        Aggregate.of(y1, covariates=x1),
        metric="mean",
        covariates=True,
        relative=True,
    )
    for name in ("effect", "low", "high", "p_value", "variance_reduction"):
        assert getattr(sums, name) == pytest.approx(getattr(rows, name), rel=1e-8), name


def test_adding_the_sums_of_two_halves_gives_the_whole() -> None:
    (y, x), _ = arms_with_past(4, n=100)
    halves = Aggregate.of(y[:30], covariates=x[:30]) + Aggregate.of(y[30:], covariates=x[30:])
    whole = Aggregate.of(y, covariates=x)
    assert halves.n == whole.n
    assert halves.covariate_product == pytest.approx(whole.covariate_product)
    assert (halves + Aggregate(1, 2.0)).sum_of_squares is None


def test_a_ratio_is_adjusted_through_its_linear_part() -> None:
    rng = np.random.default_rng(9)
    arms, pasts = [], []
    for _ in range(2):
        orders = rng.poisson(4, 3000) + 1.0
        basket = rng.gamma(5.0, 4.0, 3000)
        arms.append((orders * basket, orders))
        pasts.append(basket + rng.normal(0, 2, 3000))
    found = compare(*arms, metric="ratio", covariates=(pasts[0], pasts[1]))
    plain = compare(*arms, metric="ratio")
    assert found.variance_reduction > 0.5
    assert found.standard_error < plain.standard_error
    assert abs(found.effect - plain.effect) < 3 * plain.standard_error


def test_adjusted_intervals_cover_about_as_often_as_they_say() -> None:
    """Four binomial deviations of 400 experiments with new users; the study has 20,000."""
    covered = 0
    for seed in range(400):
        (y0, x0), (y1, x1) = arms_with_past(1000 + seed, n=80, known=0.8)
        found = compare(y0, y1, metric="mean", covariates=(x0, x1))
        covered += found.low <= 1.0 <= found.high
    assert covered / 400 == pytest.approx(0.95, abs=4 * math.sqrt(0.05 * 0.95 / 400))
