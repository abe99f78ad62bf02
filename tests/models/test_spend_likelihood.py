"""The Gamma-Gamma likelihood against lifetimes, finite differences, and 40-digit arithmetic."""

import lifetimes
import mpmath
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from patronage.models.spend_likelihood import (
    held_mean_chart,
    in_chart,
    level_chart,
    minus_log_beta,
    spend_objective,
    spend_totals,
)


@pytest.fixture(scope="module")
def customers():
    """Purchases, mean and weight of 40 simulated customers."""
    rng = np.random.default_rng(1)
    count = rng.integers(1, 9, 40)
    mean = rng.gamma(3.0 * count) / rng.gamma(4.0, 1 / 12.0, 40) / count
    return count.astype(float), mean, np.linspace(0.5, 2.0, 40)


@settings(max_examples=40, deadline=None)
@given(
    p=st.floats(0.05, 50),
    q=st.floats(0.05, 50),
    v=st.floats(0.01, 100),
    penalizer=st.sampled_from([0.0, 0.1]),
)
def test_likelihood_is_that_of_lifetimes(customers, p, q, v, penalizer):
    totals = spend_totals(*customers)
    ours, _, _ = spend_objective(totals, penalizer)(np.array([p, q, v / totals.scale]))
    parents = lifetimes.GammaGammaFitter._negative_log_likelihood(
        np.log([p, q, v]), *customers, penalizer
    )
    assert ours - np.log(totals.scale) == pytest.approx(-parents, rel=1e-9)


@pytest.mark.parametrize(
    ("chart", "here"),
    [
        (None, [1.3, 2.7, 0.8]),
        (None, [1.3, 2.7, 2.8]),
        (level_chart, [1.3, 2.7, 0.8]),
        (lambda place: held_mean_chart(place, 1.3), [1.3, 2.7]),
    ],
)
def test_derivatives_agree_with_finite_differences(customers, chart, here):
    objective = spend_objective(spend_totals(*customers), 0.01)
    if chart is not None:
        objective = in_chart(objective, chart)
    _, gradient, hessian = objective(np.array(here))
    steps = np.eye(len(here)) * 1e-6
    slopes = [(objective(here + e)[0] - objective(here - e)[0]) / 2e-6 for e in steps]
    bends = [(objective(here + e)[1] - objective(here - e)[1]) / 2e-6 for e in steps]
    np.testing.assert_allclose(gradient, slopes, atol=1e-7)
    np.testing.assert_allclose(hessian, bends, atol=1e-6)


@pytest.mark.parametrize("second", [1e-3, 0.4, 2.0, 49.0, 51.0, 147.0, 1e5, 1e6])
@pytest.mark.parametrize("first", [1e-3, 0.5, 3.0, 40.0, 60.0, 1e3, 3e6, 1e9])
def test_log_beta_keeps_its_digits(first, second):
    with mpmath.workdps(40):
        a, b = mpmath.mpf(first), mpmath.mpf(second)
        exact = float(mpmath.loggamma(a + b) - mpmath.loggamma(a) - mpmath.loggamma(b))
    ours = minus_log_beta(np.array([first]), second)[0]
    assert ours == pytest.approx(exact, rel=5e-14, abs=5e-14)
