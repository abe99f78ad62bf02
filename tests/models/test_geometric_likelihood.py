"""The likelihood against lifetimes' own, and its derivatives against differences of itself."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.special import betaln, gammaln

from patronage.models import parents
from patronage.models.geometric_likelihood import GeometricLikelihood, RisingSums
from patronage.models.histories import Histories

REFEREES = {0: parents.BetaGeoFitter, 1: parents.ModifiedBetaGeoFitter}


def some_histories(seed, *, heavy=False):
    random = np.random.default_rng(seed)
    x = random.negative_binomial(1, 0.2, 60).astype(float)
    if heavy:
        x[:3] = [4096, 5000, 90_000]
    age = random.uniform(0.2, 1, 60)
    return Histories(x, np.where(x > 0, age * random.random(60), 0), age, random.uniform(0, 3, 60))


@settings(max_examples=30, deadline=None)
@given(
    d=st.sampled_from([0, 1]),
    logs=st.lists(st.floats(-3, 3), min_size=4, max_size=4),
    seed=st.integers(0, 99),
)
def test_value_is_that_of_lifetimes(d, logs, seed):
    patterns = some_histories(seed)
    ours = GeometricLikelihood(patterns, d, np.full(4, 0.02))(np.exp(logs))[0]
    theirs = -REFEREES[d]._negative_log_likelihood(np.array(logs), *patterns, 0.02)
    assert ours == pytest.approx(theirs, rel=1e-10)


@pytest.mark.parametrize("d", [0, 1])
@pytest.mark.parametrize("heavy", [False, True])
@pytest.mark.parametrize("params", [[0.3, 0.2, 0.8, 2.5], [2.0, 3.0, 0.1, 0.2]])
def test_gradient_and_hessian_are_the_differences_of_the_value(d, heavy, params):
    likelihood = GeometricLikelihood(some_histories(1, heavy=heavy), d, np.full(4, 0.01))
    params = np.array(params)
    _, gradient, hessian = likelihood(params)
    for i, step in enumerate(np.diag(params * 1e-5)):
        up, down = likelihood(params + step), likelihood(params - step)
        scale = 1e-4 * (1 + np.abs(hessian).max())
        assert gradient[i] == pytest.approx((up[0] - down[0]) / (2 * step[i]), abs=scale)
        np.testing.assert_allclose(
            hessian[i], (up[1] - down[1]) / (2 * step[i]), rtol=1e-5, atol=scale
        )
    np.testing.assert_allclose(hessian, hessian.T, rtol=1e-12)


@pytest.mark.parametrize("c", [1e-3, 0.7, 40.0])
def test_rising_sums_are_those_of_log_gamma(c):
    x = np.array([0.0, 1, 1, 7, 4095, 4096, 4097, 20_000])
    w = np.linspace(0.5, 2, 8)
    sums = RisingSums(x, w)
    assert sums.log_rising(c)[0] == pytest.approx(w @ (gammaln(c + x) - gammaln(c)), rel=1e-12)
    survival = w @ (betaln(0.4, c + x) - betaln(0.4, c))
    assert sums.log_survival(0.4, c)[0] == pytest.approx(survival, rel=1e-10)


def test_value_stays_exact_where_gamma_functions_cancel():
    # r = 1e6 on x = 3: log (r)_3 - 3 log(alpha + T) is near 0, a difference of lgamma is not.
    patterns = Histories(*(np.array([v]) for v in (3.0, 0.5, 1.0, 1.0)))
    value = GeometricLikelihood(patterns, 0, np.zeros(4))(np.array([1e6, 1e6 / 3, 1e-6, 1.0]))[0]
    # Poisson limit: 3 log 3 - 3, up to 1/r; hardly any dropout.
    assert value == pytest.approx(3 * np.log(3) - 3, abs=2e-5)
