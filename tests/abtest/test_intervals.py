"""Score intervals against the likelihood itself, statsmodels, and the laws of a test."""

import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import stats
from scipy.optimize import minimize_scalar
from scipy.special import xlogy
from statsmodels.stats.proportion import confint_proportions_2indep, proportions_ztest

from patronage.abtest.intervals import (
    Counts,
    Levels,
    difference_interval,
    fieller_lift,
    lift_interval,
    pooled_z,
    welch_df,
)

Z = stats.norm.ppf(0.975)


@st.composite
def counts(draw: st.DrawFn) -> Counts:
    n_control, n_treatment = draw(st.integers(1, 5000)), draw(st.integers(1, 5000))
    return Counts(
        draw(st.integers(0, n_control)), n_control, draw(st.integers(0, n_treatment)), n_treatment
    )


def score_by_search(found: Counts, difference: float) -> float:
    """Score statistic with the constrained estimate found by maximising the likelihood."""

    def minus_log_likelihood(rate: float) -> float:
        other = rate + difference
        return -(
            xlogy(found.control, rate)
            + xlogy(found.n_control - found.control, 1 - rate)
            + xlogy(found.treatment, other)
            + xlogy(found.n_treatment - found.treatment, 1 - other)
        )

    bounds = (max(0.0, -difference), min(1.0, 1.0 - difference))
    rate = minimize_scalar(
        minus_log_likelihood, bounds=bounds, method="bounded", options={"xatol": 1e-12}
    ).x
    other = rate + difference
    variance = rate * (1 - rate) / found.n_control + other * (1 - other) / found.n_treatment
    return (found.rates[1] - found.rates[0] - difference) / math.sqrt(variance)


@pytest.mark.parametrize(
    "found", [Counts(10, 100, 20, 100), Counts(1, 10, 3, 7), Counts(5, 1000, 9, 90)]
)
def test_ends_of_the_difference_are_where_the_likelihood_score_is_critical(found: Counts) -> None:
    interval = difference_interval(found, Z)
    assert score_by_search(found, interval.low) == pytest.approx(Z, abs=1e-4)
    assert score_by_search(found, interval.high) == pytest.approx(-Z, abs=1e-4)


@pytest.mark.parametrize(
    "found", [Counts(100, 1000, 120, 1000), Counts(1, 10, 3, 7), Counts(3, 10**6, 12, 2 * 10**6)]
)
def test_lift_interval_is_that_of_statsmodels(found: Counts) -> None:
    theirs = confint_proportions_2indep(
        found.treatment,
        found.n_treatment,
        found.control,
        found.n_control,
        method="score",
        compare="ratio",
        correction=False,
    )
    np.testing.assert_allclose(lift_interval(found, Z), np.array(theirs) - 1, rtol=1e-6)


def test_statistic_is_that_of_statsmodels() -> None:
    z, _ = proportions_ztest([120, 100], [1000, 900])
    assert pooled_z(Counts(100, 900, 120, 1000)) == pytest.approx(z, rel=1e-12)


@settings(max_examples=50)
@given(found=counts())
def test_interval_leaves_out_zero_when_and_only_when_the_test_rejects(found: Counts) -> None:
    rejects = abs(pooled_z(found)) > Z
    low, high = difference_interval(found, Z)
    assert (low > 1e-12 or high < -1e-12) == rejects
    if found.control:
        low, high = lift_interval(found, Z)
        assert (low > 1e-9 or high < -1e-9) == rejects


@settings(max_examples=50)
@given(found=counts())
def test_difference_interval_holds_the_estimate_and_turns_round_with_the_arms(
    found: Counts,
) -> None:
    low, high = difference_interval(found, Z)
    assert -1 <= low <= found.rates[1] - found.rates[0] <= high <= 1
    swapped = difference_interval(
        Counts(found.treatment, found.n_treatment, found.control, found.n_control), Z
    )
    np.testing.assert_allclose(swapped, (-high, -low), atol=1e-9)


def test_rare_events_among_a_thousand_million_units_keep_their_digits() -> None:
    # Three against none: p = erfc(sqrt(3)/sqrt(2)) = .0833, so 95% must not leave out zero.
    low, high = difference_interval(Counts(0, 10**9, 3, 10**9), Z)
    assert low < 0
    # Against the Poisson score interval for three events, (x - mu)^2 = z^2 mu, one-sided alike.
    assert high == pytest.approx(8.82e-9, rel=0.01)


@settings(max_examples=50)
@given(
    control=st.floats(0.5, 100),
    lift=st.floats(-0.9, 3),
    errors=st.tuples(st.floats(0.001, 0.1), st.floats(0.001, 0.1)),
    shared=st.floats(0, 0.01),
)
def test_fieller_ends_are_just_rejected(
    control: float, lift: float, errors: tuple[float, float], shared: float
) -> None:
    treatment = control * (1 + lift)
    levels = Levels(control, errors[0] ** 2, treatment, errors[1] ** 2, shared**2)
    for end in fieller_lift(levels, Z):
        ratio = 1 + end
        variance = (
            levels.treatment_variance
            + ratio**2 * levels.control_variance
            + (1 - ratio) ** 2 * levels.shared_variance
        )
        assert abs(treatment - ratio * control) == pytest.approx(Z * math.sqrt(variance), rel=1e-4)


def test_lift_over_a_control_that_may_be_zero_has_no_interval() -> None:
    assert all(math.isnan(end) for end in fieller_lift(Levels(1.0, 1.0, 2.0, 1.0), Z))
    assert all(math.isnan(end) for end in fieller_lift(Levels(-9.0, 1.0, 2.0, 1.0), Z))


def test_degrees_of_freedom_survive_tiny_variances() -> None:
    assert welch_df((1e-200, 1e-200), (10, 10)) == pytest.approx(18)
    assert math.isnan(welch_df((0.0, 0.0), (10, 10)))
