"""The boundary written out again, and what looking often does to it."""

import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from patronage.abtest.intervals import Counts, pooled_z
from patronage.abtest.sequential import mixture_rate, sequential_critical, sequential_p
from patronage.errors import SpecError


@pytest.mark.parametrize("n", [10, 500, 5000, 10**6])
def test_width_is_the_published_formula(n: int) -> None:
    # Waudby-Smith et al. 2021: sigma sqrt(2 (n rho^2 + 1) / (n^2 rho^2) log(sqrt(n rho^2 + 1)/a)),
    # in units of sigma / sqrt(n).
    rho2 = mixture_rate(0.05, 5000)
    log = math.log(math.sqrt(n * rho2 + 1) / 0.05)
    width = math.sqrt(2 * (n * rho2 + 1) / (n**2 * rho2) * log)
    assert sequential_critical(n) == pytest.approx(width * math.sqrt(n), rel=1e-12)


def test_interval_is_narrowest_against_a_fixed_one_near_the_tuning() -> None:
    at = {n: sequential_critical(n, tuning=5000) for n in (500, 2000, 5000, 12000, 50000)}
    assert min(at, key=at.__getitem__) == 5000


@settings(max_examples=50)
@given(
    z=st.floats(-20, 20),
    n=st.integers(2, 10**7),
    alpha=st.floats(0.001, 0.3),
    tuning=st.floats(10, 1e7),
)
def test_p_value_is_below_alpha_when_and_only_when_the_boundary_is_crossed(
    z: float, n: int, alpha: float, tuning: float
) -> None:
    critical = sequential_critical(n, alpha, tuning)
    if abs(abs(z) - critical) > 1e-9:
        assert (sequential_p(z, n, alpha, tuning) < alpha) == (abs(z) > critical)


def test_twenty_looks_keep_the_promise_that_a_fixed_interval_breaks() -> None:
    """1,000 experiments without an effect, 20 looks each; three binomial deviations."""
    rng = np.random.default_rng(4)
    looks, experiments = 20, 1000
    sums = rng.binomial(100, 0.2, size=(2, experiments, looks)).cumsum(axis=2)
    missed = {"fixed": 0, "sequential": 0}
    for experiment in range(experiments):
        control, treatment = sums[:, experiment].tolist()
        units = [100 * (look + 1) for look in range(looks)]
        z = [
            pooled_z(Counts(x, n, y, n)) for n, x, y in zip(units, control, treatment, strict=True)
        ]
        p = [sequential_p(at, 2 * n, tuning=2000) for at, n in zip(z, units, strict=True)]
        missed["sequential"] += min(p) < 0.05
        missed["fixed"] += max(map(abs, z)) > 1.96
    assert missed["sequential"] / experiments < 0.05 + 3 * math.sqrt(0.05 * 0.95 / experiments)
    assert missed["fixed"] / experiments > 0.15


def test_tuning_must_be_a_size() -> None:
    with pytest.raises(SpecError, match=r"tuning is 0; pass the units of both arms"):
        sequential_critical(100, tuning=0)
