"""Choices within limits against HiGHS, enumeration, and the laws that any choice obeys."""

import itertools

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.optimize import linprog
from scipy.sparse import coo_array, vstack

from patronage.decisions.allocation import allocate

COSTS = np.array([5.0, 2.0, 1.0, 10.0, 0.5])


def offers(n: int, m: int, seed: int = 0) -> tuple[np.ndarray, np.ndarray]:
    """Heavy-tailed values, small effects."""
    rng = np.random.default_rng(seed)
    value = np.exp(rng.normal(4.0, 1.5, n))
    return rng.beta(1, 20, (n, m)) * value[:, None] - COSTS[:m], COSTS[:m]


def highs_bound(gain, cost, budget, capacities) -> float:
    """Optimum of the linear relaxation by scipy's HiGHS."""
    n, m = gain.shape
    at = np.arange(n * m)
    rows = vstack(
        [
            coo_array((np.ones(n * m), (at // m, at)), shape=(n, n * m)),
            coo_array((np.tile(cost, n), (np.zeros(n * m, int), at)), shape=(1, n * m)),
            coo_array((np.ones(n * m), (at % m, at)), shape=(m, n * m)),
        ]
    ).tocsr()
    ends = np.concatenate([np.ones(n), [budget], capacities])
    return -linprog(-gain.ravel(), rows, ends, bounds=(0, 1), method="highs").fun


@pytest.mark.parametrize(
    ("budget", "capacities"),
    [(1000.0, [2000] * 5), (500.0, [50, 80, 300, 20, 100]), (1e9, [100, 100, 200, 5, 400])],
)
def test_choice_is_within_a_thousandth_of_the_optimum_that_highs_finds(budget, capacities) -> None:
    gain, cost = offers(2_000, 5)
    found = allocate(gain, cost, budget=budget, capacities=capacities)
    optimum = highs_bound(gain, cost, budget, capacities)
    assert found.bound == pytest.approx(optimum, rel=1e-5)
    assert 0.999 * optimum <= found.gain <= optimum * (1 + 1e-9)


def test_many_customers_and_few_places_are_solved_to_the_bound() -> None:
    gain, cost = offers(120_000, 5, seed=3)
    found = allocate(gain, cost, budget=10_000.0, capacities=[500, 1000, 2000, 100, np.inf])
    assert found.lost < 1e-4
    assert found.spent <= 10_000.0


def test_customers_who_are_all_the_same_are_split_between_actions() -> None:
    # 10 for 5 or 6 for 2, at 3 a head: a third on the first and two thirds on the second.
    found = allocate(np.tile([10.0, 6.0], (3000, 1)), [5.0, 2.0], budget=9000.0)
    assert found.gain == pytest.approx(22_000.0, rel=1e-3)
    assert np.bincount(found.choice).tolist() == pytest.approx([1000, 2000], abs=2)


@settings(max_examples=40, deadline=None)
@given(
    gain=st.lists(st.lists(st.integers(-3, 9), min_size=2, max_size=2), min_size=1, max_size=5),
    cost=st.tuples(st.integers(0, 4), st.integers(0, 4)),
    budget=st.integers(0, 9),
    capacity=st.integers(0, 3),
)
def test_small_problems_are_solved_exactly(gain, cost, budget, capacity) -> None:
    best = 0.0
    for choice in itertools.product((-1, 0, 1), repeat=len(gain)):
        spent = sum(cost[a] for a in choice if a >= 0)
        if spent <= budget and choice.count(0) <= capacity:
            best = max(best, sum(row[a] for row, a in zip(gain, choice, strict=True) if a >= 0))
    found = allocate(gain, cost, budget=budget, capacities=[capacity, np.nan])
    assert found.gain == pytest.approx(best)
    assert found.bound >= found.gain


@settings(max_examples=25, deadline=None)
@given(
    seed=st.integers(0, 10_000),
    n=st.integers(1, 400),
    budget=st.floats(0, 500),
    capacity=st.integers(0, 60),
)
def test_limits_hold_and_only_allowed_and_paying_actions_are_chosen(
    seed, n, budget, capacity
) -> None:
    rng = np.random.default_rng(seed)
    gain, cost = offers(n, 4, seed)
    gain[rng.random(gain.shape) < 0.1] = np.nan
    allowed = rng.random(gain.shape) < 0.8
    found = allocate(gain, cost, budget=budget, capacities=[capacity] * 4, allowed=allowed)
    chosen = np.flatnonzero(found.choice >= 0)
    picked = found.choice[chosen].astype(int)
    assert cost[picked].sum() <= budget + 1e-9
    assert (np.bincount(picked, minlength=4) <= capacity).all()
    assert allowed[chosen, picked].all()
    assert (gain[chosen, picked] > 0).all()
    assert gain[chosen, picked].sum() == pytest.approx(found.gain)
    assert found.gain <= found.bound + 1e-9


def test_nothing_to_choose_gives_nothing() -> None:
    assert allocate(np.zeros((0, 2)), [1.0, 1.0]).choice.tolist() == []
    assert allocate([[-1.0, np.nan]], [1.0, 1.0]).choice.tolist() == [-1]


def test_unknown_costs_are_refused() -> None:
    with pytest.raises(ValueError, match="cost: 1 of 1 are missing or below 0, first -1"):
        allocate([[1.0]], [-1.0])
    with pytest.raises(ValueError, match="must be at least 0"):
        allocate([[1.0]], [1.0], budget=-1)
