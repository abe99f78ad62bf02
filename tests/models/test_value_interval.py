"""The predictive interval against simulated customers and direct integration."""

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import stats
from scipy.integrate import quad

from patronage.models.lifetime_value import LifetimeValue
from patronage.models.state import State
from patronage.models.value_interval import Buyers, Outlook, purchase_outlook, value_bounds


def known(purchases, bg, spend, **settings):
    """A model whose parameters are given, not fitted."""
    nothing = [[None] * 4] * 4
    parameters = {
        "settings": LifetimeValue(**settings).get_params(),
        "purchases": purchases,
        "n_customers": 1,
        "correlation": None,
        "purchase_model": {
            "penalizer_coef": 0.0,
            "params": dict(zip(["r", "alpha", "a", "b"], bg, strict=True)),
            "variance_matrix": nothing,
            "log_likelihood": 0.0,
            "status": "converged",
            "unit": "days",
        },
        "spend_model": {
            "penalizer_coef": 0.0,
            "params": dict(zip("pqv", spend, strict=True)),
            "covariance": [[None] * 3] * 3,
            "log_likelihood": 0.0,
            "status": "converged",
            "n_customers": 1.0,
            "n_left_out": 0.0,
        },
    }
    return LifetimeValue.from_state(State(parameters, {}))


def lives(n, purchases, bg, spend, *, horizon, discount, seed):
    """Histories of simulated customers, and what each then really brought, purchase by purchase."""
    rng = np.random.default_rng(seed)
    (r, alpha, a, b), (p, q, v) = bg, spend
    rate, leaves, nu = rng.gamma(r, 1 / alpha, n), rng.beta(a, b, n), rng.gamma(q, 1 / v, n)
    age = rng.integers(10, 400, n).astype(float)
    count, last, total, future, clock = np.zeros((5, n))
    here = np.flatnonzero(rng.random(n) >= leaves if purchases == "mbg_nbd" else np.ones(n, bool))
    while here.size:
        clock[here] += rng.exponential(size=here.size) / rate[here]
        value, now = rng.gamma(p, 1 / nu[here]), clock[here]
        past, ahead = now <= age[here], (now > age[here]) & (now <= age[here] + horizon)
        seen = here[past]
        count[seen] += 1
        last[seen] = now[past]
        total[seen] += value[past]
        month = np.ceil((now[ahead] - age[here[ahead]]) / 30.4375) * 30.4375
        paid = np.minimum(month, horizon) / 365.25
        future[here[ahead]] += value[ahead] * (1 + discount) ** -paid
        here = here[(past | ahead) & (rng.random(here.size) >= leaves[here])]
    mean = np.divide(total, count, out=np.zeros(n), where=count > 0)
    summary = {"frequency": count, "recency": last, "T": age, "monetary_value": mean}
    return pd.DataFrame(summary), future


SHOPS = {
    "rare": ("mbg_nbd", (0.6, 50.0, 0.8, 1.2), (6.2, 3.7, 15.0)),
    "frequent": ("bg_nbd", (2.0, 20.0, 0.5, 10.0), (2.0, 2.2, 15.0)),
    "heavy tail": ("bg_nbd", (1.0, 50.0, 0.5, 10.0), (0.5, 1.5, 15.0)),
    "loyal": ("bg_nbd", (5.0, 100.0, 0.05, 10.0), (2.0, 30.0, 15.0)),
}


@pytest.mark.parametrize("shop", SHOPS)
def test_interval_comes_true_on_simulated_customers(shop):
    purchases, bg, spend = SHOPS[shop]
    model = known(purchases, bg, spend)
    summary, future = lives(12_000, purchases, bg, spend, horizon=365.25, discount=0.10, seed=11)
    scores = model.predict(summary)
    low, high = scores["lifetime_value_low"], scores["lifetime_value_high"]
    assert ((low <= future) & (future <= high)).mean() >= 0.79
    sometimes = high > scores["lifetime_value"] * (1 + 1e-9)
    assert (future > high)[sometimes].mean() == pytest.approx(0.10, abs=0.02)
    surely = low > 0
    if surely.sum() > 1_000:
        within = ((low <= future) & (future <= high))[surely].mean()
        assert within == pytest.approx(0.80, abs=0.03 if shop == "heavy tail" else 0.02)
    assert scores["lifetime_value"].sum() == pytest.approx(future.sum(), rel=0.1)


def test_value_without_a_variance_has_a_finite_interval():
    # Posterior shape p x + q below 2: the second moment of spend does not exist.
    model = known("bg_nbd", (1.0, 50.0, 0.5, 10.0), (0.3, 1.2, 15.0))
    count = np.array([0, 1, 5, 300])
    summary = pd.DataFrame(
        {"frequency": count, "recency": 90 * (count > 0), "T": 100, "monetary_value": 20.0}
    )
    assert np.isfinite(model.predict(summary).to_numpy()).all()


@pytest.mark.parametrize("name", ["bg_nbd", "mbg_nbd"])
def test_groups_of_buyers_are_those_of_direct_integration(name):
    r, alpha, a, b = 0.6, 50.0, 0.8, 1.2
    model = known(name, (r, alpha, a, b), (6.2, 3.7, 15.0)).purchase_model_
    x, recency, age, horizon = 7.0, 150.0, 180.0, 365.25
    outlook = purchase_outlook(model, horizon, *(np.array([v]) for v in (x, recency, age)))
    shape, tau = r + x, horizon / (alpha + age)
    chances = b + x + (name == "mbg_nbd")
    none = (1 + tau) ** -shape

    def average(moment):
        density = stats.beta(a, chances).pdf
        return quad(lambda s: moment(s**3) * density(s**3) * 3 * s**2, 0, 1, limit=200)[0]

    stay = average(lambda leave: (1 + leave * tau) ** -shape) - none
    first = average(lambda leave: (1 - leave) * shape * tau * (1 + leave * tau) ** (-shape - 1))
    pairs = average(
        lambda leave: (
            (1 - leave) ** 2 * shape * (shape + 1) * tau**2 * (1 + leave * tau) ** (-shape - 2)
        )
    )
    by_hand = np.array([stay / (1 - none), first / stay, (pairs + first) / stay])
    np.testing.assert_allclose(np.ravel(outlook.stayers), by_hand, rtol=1e-6)
    whole = [
        outlook.leavers.weight * outlook.leavers[k] + outlook.stayers.weight * outlook.stayers[k]
        for k in (1, 2)
    ]
    np.testing.assert_allclose(whole, [outlook.buyers.mean, outlook.buyers.square])


def test_outlook_agrees_with_the_distribution_of_counts():
    model = known("mbg_nbd", (0.6, 50.0, 0.8, 1.2), (6.2, 3.7, 15.0)).purchase_model_
    history = [np.array([v]) for v in (3.0, 100.0, 180.0)]
    outlook = purchase_outlook(model, 200.0, *history)
    n = np.arange(400)
    chance = np.exp(model.conditional_log_pmf(n, 200.0, *(part[0] for part in history)))
    assert outlook.some[0] == pytest.approx(1 - chance[0])
    assert outlook.buyers.mean[0] == pytest.approx((n * chance).sum() / (1 - chance[0]), rel=1e-6)
    square = (n**2 * chance).sum() / (1 - chance[0])
    assert outlook.buyers.square[0] == pytest.approx(square, rel=1e-6)


@pytest.mark.parametrize("rate_shape", [3.7, 1e5, 1e9])
def test_bounds_of_one_sure_purchase_are_quantiles_of_the_beta_prime(rate_shape):
    one, none = np.ones(1), np.zeros(1)
    group = Buyers(one, one, one)
    sure = Outlook(one, group, Buyers(none, one, one), group)
    low, high = value_bounds(sure, 6.2, np.array([rate_shape]), interval=0.8)
    exact = stats.betaprime(6.2, rate_shape) if rate_shape < 1e6 else stats.gamma(6.2, 0, 1e-9)
    np.testing.assert_allclose([low[0], high[0]], exact.ppf([0.1, 0.9]), rtol=1e-5)


@settings(max_examples=50, deadline=None)
@given(
    mean=st.floats(1.001, 1e4),
    spread=st.floats(1e-3, 10.0),
    p=st.floats(0.05, 50.0),
    posterior_shape=st.floats(1.05, 1e5),
    interval=st.floats(0.01, 0.999),
)
def test_bounds_are_quantiles_of_the_matched_beta_prime(mean, spread, p, posterior_shape, interval):
    one = np.ones(1)
    square = mean**2 * (1 + spread)
    group = Buyers(one, one * mean, one * square)
    nobody = Buyers(0 * one, one, one)
    bounds = value_bounds(
        Outlook(one, group, nobody, group), p, one * posterior_shape, interval=interval
    )
    variance = p * mean + p**2 * (square - mean**2)
    shape, scale = (p * mean) ** 2 / variance, variance / (p * mean)
    theirs = stats.betaprime(shape, posterior_shape, scale=scale)
    tail = (1 - interval) / 2
    np.testing.assert_allclose(
        np.concatenate(bounds), [theirs.ppf(tail), theirs.isf(tail)], rtol=1e-6, atol=1e-100
    )


@settings(max_examples=60, deadline=None)
@given(
    weight=st.floats(0.02, 0.98),
    means=st.tuples(st.floats(1.0, 3.0), st.floats(3.0, 1e3)),
    p=st.floats(0.1, 1e6),
    posterior_shape=st.floats(1.05, 1e6),
    interval=st.floats(0.05, 0.98),
)
def test_low_bounds_leave_the_tail_below_them_in_two_groups_however_far_apart(
    weight, means, p, posterior_shape, interval
):
    one = np.ones(1)
    few, many = (
        Buyers(w * one, m * one, (m**2 + m) * one)
        for w, m in zip((weight, 1 - weight), means, strict=True)
    )
    both = weight * means[0] + (1 - weight) * means[1]
    buyers = Buyers(one, both * one, 2 * both**2 * one)
    outlook = Outlook(one, buyers, few, many)
    low, _ = value_bounds(outlook, p, one * posterior_shape, interval=interval)
    below = 0.0
    for group in (few, many):
        mean = group.mean[0]
        variance = p * mean + p**2 * (group.square[0] - mean**2)
        shape, scale = (p * mean) ** 2 / variance, variance / (p * mean)
        below += group.weight[0] * stats.betaprime.cdf(low[0], shape, posterior_shape, scale=scale)
    assert below == pytest.approx((1 - interval) / 2, rel=1e-5)
