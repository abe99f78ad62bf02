"""The forecasts of somebody alive against 40-digit arithmetic, and against their own meaning."""

from pathlib import Path

import mpmath
import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from patronage.models.survivors import Survivor, expected_purchases, factorial_moment, log_pmf


def exact_first(tau, r, a, b):
    """Expected purchases: r tau 3F2(r+1, a, 1; a+b, 2; -tau), 40 digits, tau = t / alpha."""
    with mpmath.workdps(40):
        return float(r * mpmath.mpf(tau) * mpmath.hyp3f2(r + 1, a, 1, a + b, 2, -mpmath.mpf(tau)))


def somebody(r, a, b):
    return Survivor(np.array(r), np.array(1.0), a, np.array(b))


ORACLE = Path(__file__).parents[1] / "oracles" / "survivor_moments.csv"


@pytest.fixture(scope="module")
def oracle():
    """a + b < 1, a = 1 exactly and nearly, long histories, hardly any and nearly certain dropout;
    horizons from a moment to forever.
    """
    return pd.read_csv(ORACLE, comment="#")


def test_expected_purchases_agree_with_forty_digits(oracle):
    for a, rows in oracle.groupby("a"):
        person = somebody(rows["r"], a, rows["b"])
        ours = expected_purchases(rows["tau"].to_numpy(), person)
        np.testing.assert_allclose(ours, rows["expected"], rtol=1e-11)


def test_second_factorial_moment_agrees_with_forty_digits(oracle):
    for a, rows in oracle.groupby("a"):
        person = somebody(rows["r"], a, rows["b"])
        ours = factorial_moment(rows["tau"].to_numpy(), person)
        np.testing.assert_allclose(ours, rows["factorial"], rtol=1e-9)


@settings(max_examples=25, deadline=None)
@given(
    r=st.floats(0.01, 60),
    a=st.floats(0.05, 60),
    b=st.floats(0.05, 60),
    tau=st.floats(1e-6, 20),
)
def test_expected_purchases_agree_with_forty_digits_anywhere(r, a, b, tau):
    ours = float(expected_purchases(np.array(tau), somebody(r, a, b)))
    assert ours == pytest.approx(exact_first(tau, r, a, b), rel=1e-10)


@settings(max_examples=25, deadline=None)
@given(r=st.floats(0.05, 30), a=st.floats(0.05, 30), b=st.floats(0.05, 30), tau=st.floats(1e-6, 4))
def test_counts_add_up_to_one_and_to_the_moments(r, a, b, tau):
    person, n = somebody(r, a, b), np.arange(5_000)
    p = np.exp(log_pmf(n, np.array(tau), person))
    assert p.sum() == pytest.approx(1, abs=1e-10)
    mean = float(expected_purchases(np.array(tau), person))
    pairs = float(factorial_moment(np.array(tau), person))
    assert p @ n == pytest.approx(mean, rel=1e-8, abs=1e-300)
    assert p @ (n * (n - 1.0)) == pytest.approx(pairs, rel=1e-7, abs=1e-300)


@pytest.mark.parametrize(("n", "tau"), [(1, 0.5), (200, 0.5), (2_000, 0.5), (2_000, 40.0)])
def test_log_pmf_agrees_with_forty_digits_far_into_the_tail(n, tau):
    r, a, b = 0.243, 0.793, 2.426
    with mpmath.workdps(60):
        z = mpmath.mpf(tau) / (1 + mpmath.mpf(tau))
        exactly = mpmath.rf(r, n) / mpmath.factorial(n) * (1 - z) ** r * z**n
        at_least = mpmath.betainc(n, r, 0, z, regularized=True)
        stays = mpmath.beta(a, b + n) / mpmath.beta(a, b)
        leaves = mpmath.beta(a + 1, b + n - 1) / mpmath.beta(a, b)
        exact = float(mpmath.log(stays * exactly + leaves * at_least))
    ours = float(log_pmf(np.array(n), np.array(tau), somebody(r, a, b)))
    assert ours == pytest.approx(exact, rel=1e-11)


def test_many_people_get_what_each_gets_alone():
    random = np.random.default_rng(0)
    t, r, b = (
        random.uniform(0, 50, 9_000),
        random.uniform(0.1, 9, 9_000),
        random.uniform(1, 9, 9_000),
    )
    together = expected_purchases(t, Survivor(r, np.ones(9_000), 0.8, b))
    for i in range(0, 9_000, 1_500):
        alone = expected_purchases(t[i], somebody(r[i], 0.8, b[i]))
        assert together[i] == pytest.approx(float(alone), rel=1e-13)


def test_nobody_buys_within_no_time():
    person = somebody(0.5, 0.8, 2.0)
    assert expected_purchases(np.array(0.0), person) == 0
    assert factorial_moment(np.array(0.0), person) == 0
    assert log_pmf(np.array([0, 1]), np.array(0.0), person).tolist() == [0.0, -np.inf]
