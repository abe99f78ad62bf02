"""The optimiser against closed-form maxima, a quasi-Newton referee, and surfaces without a top."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.optimize import minimize
from scipy.special import gammaln, polygamma, psi

from patronage.models.newton import maximise


def gamma_sample(mean, mean_log):
    """Mean log-likelihood of a gamma distribution, shape and rate, from sufficient statistics."""

    def value_gradient_hessian(params):
        shape, rate = params
        value = shape * np.log(rate) - gammaln(shape) + (shape - 1) * mean_log - rate * mean
        gradient = np.array([np.log(rate) - psi(shape) + mean_log, shape / rate - mean])
        hessian = np.array([[-polygamma(1, shape), 1 / rate], [1 / rate, -shape / rate**2]])
        return value, gradient, hessian

    return value_gradient_hessian


@settings(max_examples=25, deadline=None)
@given(shape=st.floats(0.05, 200), rate=st.floats(0.01, 100))
def test_exact_moments_give_back_the_parameters_they_came_from(shape, rate):
    best = maximise(gamma_sample(shape / rate, psi(shape) - np.log(rate)), [1.0, 1.0])
    assert best.status == "converged"
    np.testing.assert_allclose(best.params, [shape, rate], rtol=1e-5)


def test_same_maximum_as_a_quasi_newton_referee():
    objective = gamma_sample(2.0, 0.3)
    referee = minimize(
        lambda logs: -objective(np.exp(logs))[0], [0.0, 0.0], method="BFGS", options={"gtol": 1e-8}
    )
    best = maximise(objective, [1.0, 1.0])
    np.testing.assert_allclose(np.log(best.params), referee.x, atol=1e-6)
    assert best.log_likelihood == pytest.approx(-referee.fun, abs=1e-12)


def test_covariance_is_the_inverse_information_on_the_log_scale():
    best = maximise(gamma_sample(2.0, 0.3), [1.0, 1.0])
    shape, rate = best.params
    information = 50 * np.array([[polygamma(1, shape), -1 / rate], [-1 / rate, shape / rate**2]])
    natural = np.linalg.inv(information)
    np.testing.assert_allclose(
        best.log_covariance(50), natural / np.outer(best.params, best.params), rtol=1e-6
    )


def test_shape_of_a_sample_without_spread_runs_to_infinity():
    # All observations equal: the more peaked the better, along shape / rate = the mean.
    best = maximise(gamma_sample(1.0, 0.0), [1.0, 1.0])
    assert best.status == "boundary"
    assert best.to_infinity == (0, 1)
    assert np.isnan(best.log_covariance(10)).all()


def test_rate_of_nothing_observed_runs_to_zero():
    def no_events(params):
        return -params[0], np.array([-1.0]), np.array([[0.0]])

    best = maximise(no_events, [1.0])
    assert (best.status, best.to_zero, best.to_infinity) == ("boundary", (0,), ())


def test_parameter_that_changes_nothing_is_no_estimate():
    def ignores_second(params):
        rate = params[0]
        value = np.log(rate) - 2 * rate
        return value, np.array([1 / rate - 2, 0.0]), np.diag([-1 / rate**2, 0.0])

    best = maximise(ignores_second, [3.0, 0.7])
    assert (best.status, best.running) == ("boundary", (1,))
    assert best.params[0] == pytest.approx(0.5)
    assert best.log_covariance(4)[0, 0] == pytest.approx(0.25)


def test_saddle_on_the_way_is_left():
    # (x^2 - 1)^2 + y^2 upside down, in logs: a saddle at x = 0, tops at x = -1 and x = 1.
    def two_tops(params):
        x, y = np.log(params)
        d_x, d_y = -4 * x * (x**2 - 1), -2 * y
        slope = np.array([d_x, d_y])
        curvature = np.diag([-12 * x**2 + 4, -2.0])
        value = -((x**2 - 1) ** 2) - y**2
        return value, slope / params, (curvature - np.diag(slope)) / np.outer(params, params)

    best = maximise(two_tops, np.exp([0.01, 0.5]))
    assert best.status == "converged"
    np.testing.assert_allclose(np.log(best.params), [1.0, 0.0], atol=1e-7)


def test_likelihood_that_is_nowhere_finite_fails_with_a_message():
    def broken(_params):
        return np.nan, np.full(1, np.nan), np.full((1, 1), np.nan)

    best = maximise(broken, [1.0])
    assert best.status == "failed"
    assert "not finite at the start" in best.message


@pytest.mark.parametrize("start", [[0.0], [-1.0], [np.nan], [np.inf]])
def test_start_outside_the_domain_is_refused(start):
    with pytest.raises(ValueError, match="every parameter must be positive and finite"):
        maximise(gamma_sample(1.0, -0.5), start)
