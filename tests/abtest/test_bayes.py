"""Posterior figures against a closed form, integration, sampling and the normal limit."""

import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import integrate, stats
from scipy.special import betaln

from patronage.abtest.bayes import Beta, BetaPair, beta_chance, normal_posterior
from patronage.abtest.compare import compare
from patronage.abtest.intervals import Levels
from patronage.errors import SpecError


def chance_by_sum(control: Beta, treatment: Beta) -> float:
    """Evan Miller's finite sum, for a whole first parameter of treatment."""
    i = np.arange(int(treatment.a))
    terms = (
        betaln(control.a + i, control.b + treatment.b)
        - np.log(treatment.b + i)
        - betaln(1 + i, treatment.b)
        - betaln(control.a, control.b)
    )
    return float(np.exp(terms).sum())


@settings(max_examples=50)
@given(
    control=st.tuples(st.integers(0, 3000), st.integers(0, 3000)),
    treatment=st.tuples(st.integers(0, 3000), st.integers(0, 3000)),
)
def test_chance_to_win_is_the_closed_form(
    control: tuple[int, int], treatment: tuple[int, int]
) -> None:
    first = Beta(1 + control[0], 1 + control[1])
    second = Beta(1 + treatment[0], 1 + treatment[1])
    assert beta_chance(first, second) == pytest.approx(chance_by_sum(first, second), abs=2e-6)


def test_expected_loss_is_the_integral_of_the_shortfall() -> None:
    control, treatment = Beta(31, 171), Beta(36, 166)
    loss, _ = integrate.quad(
        lambda x: treatment.cdf(np.array([x]))[0] * (1 - control.cdf(np.array([x]))[0]), 0, 1
    )
    assert BetaPair(control, treatment).shortfall() == pytest.approx(loss, rel=1e-6)
    turned, _ = integrate.quad(
        lambda x: control.cdf(np.array([x]))[0] * (1 - treatment.cdf(np.array([x]))[0]), 0, 1
    )
    assert BetaPair(treatment, control).shortfall() == pytest.approx(turned, rel=1e-6)


@pytest.mark.parametrize("relative", [False, True])
def test_credible_interval_is_that_of_draws_from_the_posterior(relative: object) -> None:
    rng = np.random.default_rng(3)
    control, treatment = rng.beta(13, 189, 400_000), rng.beta(21, 61, 400_000)
    draws = treatment / control - 1 if relative else treatment - control
    found = compare(
        {"n": 200, "sum": 12}, {"n": 80, "sum": 20}, method="bayesian", relative=bool(relative)
    )
    np.testing.assert_allclose(
        [found.low, found.high], np.quantile(draws, [0.025, 0.975]), rtol=0.02
    )
    assert found.chance_to_win == pytest.approx((draws > 0).mean(), abs=1e-3)


def test_a_prior_on_rates_does_not_become_one_on_a_difference() -> None:
    past = [0.0, 1.0, 2.0, 4.0]
    with pytest.raises(SpecError, match=r"prior on rates does not go with covariates"):
        compare(
            [0, 1, 1, 0],
            [1, 1, 0, 1],
            method="bayesian",
            prior=(2, 2),
            covariates=(past, past),
        )


def test_large_samples_agree_with_the_normal_posterior() -> None:
    arms = [{"n": 10**6, "sum": x, "sum_of_squares": x} for x in (100_000, 100_500)]
    rate = compare(*arms, method="bayesian")
    mean = compare(*arms, metric="mean", method="bayesian")
    assert rate.chance_to_win == pytest.approx(mean.chance_to_win, abs=1e-4)
    assert rate.expected_loss == pytest.approx(mean.expected_loss, rel=1e-2)
    assert (rate.low, rate.high) == pytest.approx((mean.low, mean.high), abs=1e-6)


def test_normal_loss_is_the_integral_over_the_losing_side() -> None:
    levels = Levels(10.0, 0.5, 10.6, 0.7)
    found = normal_posterior(levels, None, 0.05, relative=False)
    posterior = stats.norm(levels.effect, levels.standard_error)
    lost, _ = integrate.quad(lambda x: -x * posterior.pdf(x), -20, 0)
    assert found.loss_if_higher_wins == pytest.approx(lost, rel=1e-7)
    won, _ = integrate.quad(lambda x: x * posterior.pdf(x), 0, 20)
    assert found.loss_if_lower_wins == pytest.approx(won, rel=1e-7)


def test_a_prior_pulls_by_its_precision() -> None:
    found = normal_posterior(Levels(0.0, 0.5, 1.0, 0.5), (0.0, 1.0), 0.05, relative=False)
    assert found.effect == pytest.approx(0.5)
    ends = stats.norm(0.5, math.sqrt(0.5)).ppf([0.025, 0.975])
    np.testing.assert_allclose(found.interval, ends)


@pytest.mark.parametrize(
    ("prior", "metric", "message"),
    [
        ((0, 1), "proportion", r"prior is \(0, 1\); a Beta prior needs two numbers above zero"),
        ((0, 0), "mean", r"prior for a mean or ratio is \(mean, standard deviation > 0\)"),
    ],
)
def test_a_prior_that_is_none_is_refused(prior: tuple[int, int], metric: str, message: str) -> None:
    with pytest.raises(SpecError, match=message):
        compare([0, 1, 1], [0, 1, 1], metric, "bayesian", prior=prior)
